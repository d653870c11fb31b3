//! Figures for a person and for a machine.

use std::fmt::Write;

use serde::Serialize;

use crate::harness::{Figures, Plan};
use crate::statistics::Spread;

/// A line for a workload's rates, and one for its ratios.
pub fn text(figures: &Figures) -> String {
    let mut text = String::new();
    let goal = figures.goal.map(|goal| format!("(goal {goal:.2})")).unwrap_or_default();
    for line in [
        format!("{} {}, {:.1}M records", figures.workload, figures.title, figures.records as f64 / 1e6),
        format!("   M records/s   loop {}   p=1 {}   p=2 {}", rate(figures.plain), rate(figures.p1), rate(figures.p2)),
        format!(
            "   ratios        p=1/loop {} {goal}   p=2/loop {}   p=2/p=1 {}",
            ratio(figures.p1_to_plain),
            ratio(figures.p2_to_plain),
            ratio(figures.p2_to_p1)
        ),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    }
    text
}

fn rate(spread: Spread) -> String {
    format!("{:7.2} ({:.2}..{:.2})", spread.median, spread.min, spread.max)
}

fn ratio(spread: Spread) -> String {
    format!("{:.3} ({:.3}..{:.3})", spread.median, spread.min, spread.max)
}

/// Everything in one JSON object.
pub fn json(plan: Plan, workloads: &[Figures]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Report<'a> {
        unit: &'static str,
        runs: usize,
        scale: f64,
        workloads: &'a [Figures],
    }
    serde_json::to_string_pretty(&Report {
        unit: "million records per second",
        runs: plan.runs,
        scale: plan.scale,
        workloads,
    })
}
