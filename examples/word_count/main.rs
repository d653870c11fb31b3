//! Counts the words of text files.
//!
//! ```text
//! cargo run --release --example word_count -- --input examples/data/poem.txt --output counts
//! ```
//!
//! A word is a maximal run of Unicode alphanumeric characters, lower-cased. At the end of the input, one JSON line
//! `{"word":..,"count":..}` per word is written under the output directory.
//!
//! * The input may be files, directories (read recursively, without hidden files) and globs; `.gz` and `.zst` files are
//!   decompressed. A path that does not exist or cannot be read, and text that is not UTF-8, fail the job.
//! * The output directory may exist, but may not hold visible files: the job would mix its results with others'.

use std::path::PathBuf;

use millstream::connector::RateLimited;
use millstream::prelude::*;
use millstream::window::{EventTimeTrigger, Global};
use millstream_connectors::file::{FileSink, FileSource};
use serde::{Deserialize, Serialize};

/// How often a word occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WordCount {
    word: String,
    count: u64,
}

#[derive(clap::Args)]
struct Args {
    /// Files, directories or globs to read.
    #[arg(long, required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// The directory to write to.
    #[arg(long)]
    output: PathBuf,
    /// Read at most so many lines a second.
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
}

/// Splits a line into words.
#[operator]
fn words(line: String) -> Vec<String> {
    line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Gives a count its names.
#[operator]
fn named((word, count): (String, u64)) -> WordCount {
    WordCount { word, count }
}

/// Counts the words of text files.
#[millstream::main]
fn word_count(env: &Environment, args: Args) -> Result<()> {
    let lines = RateLimited::up_to(FileSource::lines(args.input), args.rate);
    env.source(lines)
        .uid("lines")
        .apply(words())
        .key_by(|word| word)
        .window(Global)
        .trigger(EventTimeTrigger)
        .count()
        .uid("count")
        .apply(named())
        .sink(FileSink::json(args.output))
        .uid("counts");
    Ok(())
}
