//! The Kafka example, killed again and again, as its users run it and as the broker's own consumer sees its output.
//!
//! The broker is the one that MILLSTREAM_KAFKA_BROKERS leads to: `eval "$(scripts/services up kafka)"`. Without it, this test
//! says so and does nothing.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeMap;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde::Deserialize;

const KILLS: usize = 20;
const PARTITIONS: usize = 3;
const LINES: usize = 20_000;
const WORDS: [&str; 7] = ["to", "be", "or", "not", "that", "is", "question"];
/// The time of the first line: 2001-09-09T01:46:40Z.
const FIRST: i64 = 1_000_000_000_000;

#[derive(Debug, Deserialize)]
struct WordCount {
    word: String,
    window_end: String,
    count: u64,
}

/// Results by word and the end of the window.
type Counts = BTreeMap<(String, String), u64>;

/// Runs a class of the broker's console tools.
fn tool(class: &str, args: &[&str]) -> Output {
    let classpath = std::env::var("MILLSTREAM_KAFKA_CLASSPATH").expect("set together with MILLSTREAM_KAFKA_BROKERS");
    let mut command = Command::new("java");
    command.args(["-XX:TieredStopAtLevel=1", "-cp", &classpath, &format!("org.apache.kafka.tools.{class}")]).args(args);
    command.stderr(Stdio::inherit()).output().unwrap()
}

fn new_topic(brokers: &str, name: &str) -> String {
    let topic = format!("{name}-{:08x}", RandomState::new().hash_one(name) as u32);
    let partitions = PARTITIONS.to_string();
    let made = tool(
        "TopicCommand",
        &["--bootstrap-server", brokers, "--create", "--topic", &topic, "--partitions", &partitions],
    );
    assert!(made.status.success(), "{made:?}");
    topic
}

/// Lines of words, in order of time but for two seconds, and what is to be counted in them.
fn write_input(brokers: &str, topic: &str) -> Counts {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let mut expected = Counts::new();
    for line in 0..LINES {
        let time = FIRST + line as i64 * 10 - (line % 3) as i64 * 900;
        let words: Vec<&str> = (0..line % 5).map(|word| WORDS[(line * 31 + word * 17) % WORDS.len()]).collect();
        let end = jiff::Timestamp::from_millisecond(time.div_euclid(5000) * 5000 + 5000).unwrap().to_string();
        for word in &words {
            *expected.entry(((*word).to_owned(), end.clone())).or_default() += 1;
        }
        let text = words.join(", ").to_uppercase();
        let partition = (line % PARTITIONS) as i32;
        let mut record =
            BaseRecord::<[u8], [u8]>::to(topic).partition(partition).timestamp(time).payload(text.as_bytes());
        while let Err((_, refused)) = producer.send(record) {
            record = refused;
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(Duration::from_secs(60)).unwrap();
    expected
}

/// The binary of the example. Cargo builds it along with the tests of the package, and puts it beside them.
fn binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.parent().and_then(Path::parent).unwrap().join("examples/kafka_word_count");
    assert!(path.exists(), "{} is not built: `cargo build --features kafka --examples`", path.display());
    path
}

/// How many checkpoints are complete.
fn complete(checkpoints: &Path) -> usize {
    let Ok(entries) = fs::read_dir(checkpoints) else { return 0 };
    let number = |name: &str| name.strip_prefix("chk-")?.parse().ok();
    let numbers = entries.filter_map(|entry| {
        let path = entry.ok()?.path();
        path.join("_metadata").exists().then(|| number(path.file_name()?.to_str()?)).flatten()
    });
    numbers.max().unwrap_or(0)
}

struct Job<'a> {
    brokers: &'a str,
    input: &'a str,
    output: &'a str,
    checkpoints: &'a Path,
}

impl Job<'_> {
    /// Starts the job, from its latest checkpoint if there is one.
    fn start(&self, parallelism: usize, rate: &str) -> Child {
        let mut command = Command::new(binary());
        command.args(["--brokers", self.brokers, "--input", self.input, "--output", self.output]);
        command.args([
            "--delivery",
            "exactly-once",
            "--checkpoint-interval",
            "100ms",
            "--rate",
            rate,
            "--checkpoint-dir",
        ]);
        command.arg(self.checkpoints).args(["--parallelism", &parallelism.to_string()]);
        if complete(self.checkpoints) > 0 {
            command.args(["--restore", "latest"]);
        }
        command.stdin(Stdio::null()).spawn().unwrap()
    }

    /// Lets the job run until so many more checkpoints are complete, and kills it.
    fn run_and_kill(&self, parallelism: usize, more: usize) {
        let until = complete(self.checkpoints) + more;
        let mut process = self.start(parallelism, "2000");
        while complete(self.checkpoints) < until {
            assert!(process.try_wait().unwrap().is_none(), "the job has ended before it was killed");
            std::thread::yield_now();
        }
        process.kill().unwrap();
        process.wait().unwrap();
    }
}

fn seen_by_the_consumer(brokers: &str, topic: &str) -> Counts {
    let args =
        ["--bootstrap-server", brokers, "--topic", topic, "--from-beginning", "--isolation-level", "read_committed"];
    let seen = tool("consumer.ConsoleConsumer", &[&args[..], &["--timeout-ms", "8000"]].concat());
    let mut counts = Counts::new();
    // The tool says there, too, that it has waited in vain for more.
    for line in String::from_utf8(seen.stdout).unwrap().lines().filter(|line| line.starts_with('{')) {
        let WordCount { word, window_end, count } = serde_json::from_str(line).unwrap();
        let before = counts.insert((word, window_end), count);
        assert!(before.is_none(), "{line} is there twice");
    }
    counts
}

#[test]
fn a_job_that_is_killed_twenty_times_counts_every_word_once() {
    let Ok(brokers) = std::env::var("MILLSTREAM_KAFKA_BROKERS") else {
        eprintln!("skipped: MILLSTREAM_KAFKA_BROKERS is not set");
        return;
    };
    let (input, output) = (new_topic(&brokers, "lines"), new_topic(&brokers, "counts"));
    let expected = write_input(&brokers, &input);
    let checkpoints = tempfile::tempdir().unwrap();
    let job = Job { brokers: &brokers, input: &input, output: &output, checkpoints: checkpoints.path() };
    for kill in 0..KILLS {
        // At once after the first checkpoint, when its output may be committed or not, or some later.
        job.run_and_kill(1 + kill % 3, 1 + kill % 2);
    }
    let status = job.start(2, "1000000").wait().unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(seen_by_the_consumer(&brokers, &output), expected);
    let listed = tool("TransactionsCommand", &["--bootstrap-server", &brokers, "list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    let open = |line: &&str| line.contains(&*output) && line.contains("Ongoing");
    assert_eq!(listed.lines().filter(open).collect::<Vec<_>>(), Vec::<&str>::new());
}
