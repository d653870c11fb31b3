//! Patterns in events: Millstream with one slot beside plain loops.

use clap::Parser;
use millstream_benches::harness::Plan;
use millstream_benches::patterns::{Search, json, measure, text};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Compares patterns in Millstream with plain loops, in million events per second.
#[derive(Debug, Parser)]
struct Args {
    /// What to look for, all unless given
    #[arg(long, value_delimiter = ',', ignore_case = true)]
    searches: Vec<Search>,
    /// How often each side runs; medians are reported
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// What part of the events to use
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<()> {
    use clap::ValueEnum;

    millstream::allocator::keep_freed_memory();
    let args = Args::parse();
    let plan = Plan { runs: args.runs, scale: args.scale };
    let searches = if args.searches.is_empty() { Search::value_variants().to_vec() } else { args.searches };
    let mut all = Vec::new();
    for search in searches {
        let figures = measure(search, plan)?;
        if !args.json {
            print!("{}", text(&figures));
        }
        all.push(figures);
    }
    if args.json {
        println!("{}", json(plan, &all)?);
    }
    Ok(())
}
