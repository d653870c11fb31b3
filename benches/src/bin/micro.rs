//! Small workloads: Millstream with one and two slots beside a plain single-threaded loop.

use clap::Parser;
use millstream_benches::harness::{Plan, measure};
use millstream_benches::report;
use millstream_benches::workload::Workload;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compares Millstream with plain loops, in million records per second.
#[derive(Debug, Parser)]
struct Args {
    /// Which workloads to run, all unless given
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    workloads: Vec<Workload>,
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

fn main() -> anyhow::Result<()> {
    use clap::ValueEnum;

    millstream::allocator::keep_freed_memory();
    let args = Args::parse();
    let plan = Plan { runs: args.runs, scale: args.scale };
    let workloads = if args.workloads.is_empty() { Workload::value_variants().to_vec() } else { args.workloads };
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
