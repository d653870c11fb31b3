//! The physical graph as text, DOT and Mermaid.

use std::fmt::Write;

use super::{Body, Plan};

impl Plan {
    /// The plan as an indented list of chains, with what each sends where.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let subtasks = self.subtasks();
        let job = &self.graph.settings.job;
        let _ =
            writeln!(text, "job `{job}`: {} chains, {subtasks} subtasks, {} slots", self.vertices.len(), self.slots);
        for (index, vertex) in self.vertices.iter().enumerate() {
            let _ = writeln!(
                text,
                "[{index}] {} (parallelism {}, max {})",
                vertex.name, vertex.parallelism, vertex.max_parallelism
            );
            for node in &vertex.nodes {
                let _ = writeln!(text, "      {}", self.describe_node(*node));
            }
            for edge in self.edges.iter().filter(|edge| edge.from_vertex == index) {
                let _ = writeln!(text, "      => [{}] {}{}", edge.to_vertex, edge.partitioning, side(edge.side));
            }
        }
        text
    }

    fn describe_node(&self, id: usize) -> String {
        let node = &self.graph.nodes[id];
        let mut line = format!("{} (uid `{}`)", node.name, self.graph.uid(id));
        if let Body::Sink { guarantee, .. } = &node.body {
            let _ = write!(line, ", {guarantee}");
        }
        if node.stateful && node.anonymous && node.uid.is_none() {
            line += " -- keeps state: give it a `.uid(..)`, or a snapshot will not fit once the job is edited";
        }
        line
    }

    /// The plan in Graphviz's DOT language.
    pub fn to_dot(&self) -> String {
        let mut text = String::from("digraph job {\n  rankdir=LR;\n  node [shape=box];\n");
        for (index, vertex) in self.vertices.iter().enumerate() {
            let label = vertex.name.replace('\\', "\\\\").replace('"', "\\\"");
            let _ = writeln!(text, "  v{index} [label=\"{label}\\nx{}\"];", vertex.parallelism);
        }
        for edge in &self.edges {
            let label = format!("{}{}", edge.partitioning, side(edge.side)).replace('"', "\\\"");
            let _ = writeln!(text, "  v{} -> v{} [label=\"{label}\"];", edge.from_vertex, edge.to_vertex);
        }
        text + "}\n"
    }

    /// The plan as a Mermaid flowchart.
    pub fn to_mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (index, vertex) in self.vertices.iter().enumerate() {
            let label = vertex.name.replace('"', "#quot;");
            let _ = writeln!(text, "  v{index}[\"{label}<br/>x{}\"]", vertex.parallelism);
        }
        for edge in &self.edges {
            let label = format!("{}{}", edge.partitioning, side(edge.side)).replace('"', "#quot;");
            let _ = writeln!(text, "  v{} -->|\"{label}\"| v{}", edge.from_vertex, edge.to_vertex);
        }
        text
    }
}

fn side(tag: Option<&str>) -> String {
    tag.map_or(String::new(), |tag| format!(" (side output `{tag}`)"))
}
