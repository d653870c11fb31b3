//! Checkpoints: how long they hold a job up, and how much of its throughput they take.

use clap::{Parser, ValueEnum};
use millstream_benches::checkpoint::{Part, Scale, measure};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures what checkpoints cost.
#[derive(Debug, Parser)]
struct Args {
    /// Which parts to run, all unless given
    #[arg(long, value_delimiter = ',')]
    only: Vec<Part>,
    /// What part of the keys, checkpoints and seconds to use
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Print one JSON object instead of text
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<()> {
    millstream::allocator::keep_freed_memory();
    let args = Args::parse();
    anyhow::ensure!(args.scale > 0.0 && args.scale.is_finite(), "the scale must be above 0, but is {}", args.scale);
    let parts = if args.only.is_empty() { Part::value_variants().to_vec() } else { args.only };
    if cfg!(not(feature = "rocksdb")) {
        eprintln!("without RocksDB: build with --features rocksdb to measure it, too");
    }
    let mut all = Vec::new();
    for part in parts {
        let figures = measure(part, Scale(args.scale))?;
        if !args.json {
            print!("{figures}");
        }
        all.push(figures);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&all)?);
    }
    Ok(())
}
