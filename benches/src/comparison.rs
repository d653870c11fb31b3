//! The command line of benchmarks that compare jobs with plain loops.

use clap::{Parser, ValueEnum};

use crate::harness::{Plan, Sides, measure};
use crate::report;

/// Compares Millstream with plain loops, in million records per second.
#[derive(Debug, Parser)]
struct Args<W: ValueEnum + Send + Sync + 'static> {
    /// Which workloads to run, all unless given
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    workloads: Vec<W>,
    /// How often each side runs; medians are reported
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// What part of each workload's records to use
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

/// Measures the workloads that the command line asks for, and prints the figures.
pub fn run<W: Sides + ValueEnum + Send + Sync + 'static>() -> anyhow::Result<()> {
    millstream::allocator::keep_freed_memory();
    let args = Args::<W>::parse();
    let plan = Plan { runs: args.runs, scale: args.scale };
    let workloads = if args.workloads.is_empty() { W::value_variants().to_vec() } else { args.workloads };
    let mut all = Vec::new();
    for workload in workloads {
        let figures = measure(workload, plan)?;
        if !args.json {
            print!("{}", report::text(&figures));
        }
        all.push(figures);
    }
    if args.json {
        println!("{}", report::json(plan, &all)?);
    }
    Ok(())
}
