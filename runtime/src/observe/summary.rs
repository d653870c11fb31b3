//! What a job did, once it has ended.

use std::fmt;
use std::time::Duration;

use super::metrics::{JobMetrics, OperatorMetrics};
use super::number::{duration, grouped, per_second};
use crate::graph::{Body, Plan};

/// What a job did.
///
/// Displayed as a few lines with the totals and a table of the operators.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct JobSummary {
    /// The job's name.
    pub job: String,
    /// How long it ran.
    pub elapsed: Duration,
    /// Records that sources have read.
    pub records_read: u64,
    /// Records that sinks have written.
    pub records_written: u64,
    /// Records that came too late and that nobody asked for.
    pub late_dropped: u64,
    /// Records that were left out because they were malformed or user code failed on them.
    pub records_failed: u64,
    /// If the job was stopped with a savepoint: its path.
    pub savepoint: Option<String>,
    /// The operators, in the order in which they were added to the job.
    pub operators: Vec<OperatorSummary>,
}

/// What one operator of a job did, in all its subtasks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OperatorSummary {
    /// Its name.
    pub name: String,
    /// How many subtasks it had.
    pub subtasks: usize,
    /// Records that came in; for a source, that were read.
    pub records_in: u64,
    /// Records that were handed on.
    pub records_out: u64,
}

impl JobSummary {
    /// Sums up what the subtasks have counted so far.
    pub(crate) fn new(plan: &Plan, metrics: &JobMetrics, elapsed: Duration) -> Self {
        let mut operators: Vec<_> = (0..plan.graph.nodes.len()).map(|node| idle(plan, node)).collect();
        let mut summary = Self {
            job: plan.graph.settings.job.clone(),
            elapsed,
            records_read: 0,
            records_written: 0,
            late_dropped: 0,
            records_failed: 0,
            savepoint: None,
            operators: Vec::new(),
        };
        for (_, subtask) in metrics.operators() {
            summary.add(&plan.graph.nodes[subtask.node].body, &subtask);
            let operator = &mut operators[subtask.node];
            operator.records_in += subtask.records_in.get();
            operator.records_out += subtask.records_out.get();
        }
        summary.operators = operators;
        summary
    }

    fn add(&mut self, body: &Body, subtask: &OperatorMetrics) {
        match body {
            Body::Source { .. } => self.records_read += subtask.records_in.get(),
            Body::Sink { .. } => self.records_written += subtask.records_in.get(),
            Body::Operator(_) => {}
        }
        self.late_dropped += subtask.late_dropped.get();
        self.records_failed += subtask.records_failed.get();
    }
}

fn idle(plan: &Plan, node: usize) -> OperatorSummary {
    let name = plan.graph.label(node);
    OperatorSummary { name, subtasks: plan.graph.parallelism(node), records_in: 0, records_out: 0 }
}

impl fmt::Display for JobSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.savepoint.is_some() { "stopped after" } else { "finished in" };
        writeln!(f, "job `{}` {how} {}", self.job, duration(self.elapsed))?;
        if let Some(savepoint) = &self.savepoint {
            writeln!(f, "  savepoint: {savepoint}")?;
        }
        let (read, written) = (grouped(self.records_read), grouped(self.records_written));
        let width = read.len().max(written.len());
        writeln!(f, "  read     {read:>width$} records, {}", per_second(self.records_read, self.elapsed))?;
        writeln!(f, "  written  {written:>width$} records")?;
        if self.late_dropped > 0 {
            writeln!(f, "  late     {:>width$} records dropped", grouped(self.late_dropped))?;
        }
        if self.records_failed > 0 {
            writeln!(f, "  failed   {:>width$} records left out", grouped(self.records_failed))?;
        }
        let head = ["operator", "subtasks", "in", "out"].map(str::to_owned);
        let rows = self.operators.iter().map(|operator| {
            let OperatorSummary { name, subtasks, records_in, records_out } = operator;
            [name.clone(), subtasks.to_string(), grouped(*records_in), grouped(*records_out)]
        });
        let rows: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (first, second, third, fourth) = (width(0), width(1), width(2), width(3));
        for [name, subtasks, records_in, records_out] in &rows {
            let row = format!("  {name:<first$}  {subtasks:>second$}  {records_in:>third$}  {records_out:>fourth$}");
            write!(f, "\n{row}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_what_did_not_happen_is_left_out() {
        let operator = |name: &str, records_in, records_out| OperatorSummary {
            name: name.to_owned(),
            subtasks: 2,
            records_in,
            records_out,
        };
        let summary = JobSummary {
            job: "word_count".to_owned(),
            elapsed: Duration::from_millis(2_500),
            records_read: 1_000_000,
            records_written: 500,
            late_dropped: 0,
            records_failed: 7,
            savepoint: None,
            operators: vec![operator("words.txt", 1_000_000, 1_000_000), operator("count", 1_000_000, 500)],
        };
        let expected = "\
job `word_count` finished in 2.5 s
  read     1,000,000 records, 400,000/s
  written        500 records
  failed           7 records left out

  operator   subtasks         in        out
  words.txt         2  1,000,000  1,000,000
  count             2  1,000,000        500";
        assert_eq!(summary.to_string(), expected);
    }
}
