//! Counts the words of a topic's records, every five seconds, into another topic: exactly once.
//!
//! ```text
//! eval "$(scripts/services up kafka)"
//! cargo run --release --features kafka --example kafka_word_count -- --brokers "$MILLSTREAM_KAFKA_BROKERS" \
//!     --input lines --output counts --delivery exactly-once --checkpoint-dir checkpoints --checkpoint-interval 500ms
//! ```
//!
//! The input is read from its beginning up to where it ends when the job starts. A word is a maximal run of Unicode alphanumeric
//! characters, lower-cased; its time is the record's timestamp. For each word and window, a record
//! `{"word":..,"window_end":..,"count":..}` is written, with the word as its key; for the last windows, at the end of the
//! input.
//!
//! * Both topics must exist.
//! * With `--delivery exactly-once`, readers see each result once, if they read with `isolation.level=read_committed`,
//!   however often the job is killed and gone on with by `--restore latest`. A job that begins anew aborts what was left open by
//!   an earlier one that wrote to the same topic; so there may be only one at a time.
//! * Records may be out of order within a partition by `--out-of-orderness`. Those that are later than that, and for whose
//!   window the results were written, are counted by the metric `numLateRecordsDropped`, and by nothing else.

use millstream::connector::{Guarantee, RateLimited};
use millstream::prelude::*;
use millstream::time::rfc3339;
use millstream::window::Tumbling;
use millstream_connectors::kafka::{KafkaSink, KafkaSource, Offsets};
use serde::{Deserialize, Serialize};

/// How often a word occurs in a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct WordCount {
    word: String,
    #[serde(with = "rfc3339")]
    window_end: Timestamp,
    count: u64,
}

/// What is promised about results when the job fails.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Delivery {
    None,
    AtLeastOnce,
    ExactlyOnce,
}

impl From<Delivery> for Guarantee {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::None => Self::None,
            Delivery::AtLeastOnce => Self::AtLeastOnce,
            Delivery::ExactlyOnce => Self::ExactlyOnce,
        }
    }
}

#[derive(clap::Args)]
struct Args {
    /// The brokers, as `host:port` separated by commas.
    #[arg(long)]
    brokers: String,
    /// The topic to read.
    #[arg(long)]
    input: String,
    /// The topic to write to.
    #[arg(long)]
    output: String,
    /// What is promised about results when the job fails.
    #[arg(long, value_enum, default_value = "exactly-once")]
    delivery: Delivery,
    /// How far behind the latest record of its partition one may be and still be on time.
    #[arg(long, value_parser = millstream::cli::duration, default_value = "10s")]
    out_of_orderness: Duration,
    /// Read at most so many records a second.
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
}

/// Splits a line into words.
#[operator]
fn words(line: String) -> Vec<String> {
    line.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// Counts records.
#[derive(Debug, Clone)]
struct Count;

impl Aggregate for Count {
    type In = String;
    type Acc = u64;
    type Out = u64;

    fn create(&self) -> u64 {
        0
    }

    fn add(&self, count: &mut u64, _word: String) {
        *count += 1;
    }

    fn merge(&self, count: &mut u64, other: u64) {
        *count += other;
    }

    fn result(&self, count: &u64) -> u64 {
        *count
    }
}

/// Counts the words of a topic's records, every five seconds.
#[millstream::main]
fn kafka_word_count(env: &Environment, args: Args) -> Result<()> {
    let lines = KafkaSource::text(&*args.brokers, &*args.input).until(Offsets::Latest);
    let counts = KafkaSink::<WordCount>::json(&*args.brokers, &*args.output)
        .key(|count, out| {
            out.extend_from_slice(count.word.as_bytes());
            Ok(())
        })
        .delivery(args.delivery.into())
        .transactional_id_prefix(format!("kafka_word_count-{}", args.output));
    env.source(RateLimited::up_to(lines, args.rate))
        .uid("lines")
        .watermarks(WatermarkStrategy::bounded_out_of_orderness(args.out_of_orderness))
        .uid("times")
        .apply(words())
        .key_by(|word| word)
        .window(Tumbling::of(Duration::from_secs(5)))
        .aggregate_with(Count, |word: &String, window, count, out| {
            out.emit(WordCount { word: word.clone(), window_end: window.end(), count });
        })
        .uid("count")
        .sink(counts)
        .uid("counts");
    Ok(())
}
