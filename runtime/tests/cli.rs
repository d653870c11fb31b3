//! A job's binary, run from outside: what it prints and how it exits.
//!
//! Without a test harness, so that this very binary can be the job: it is one if [`AS_JOB`] is set.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode, Output, Stdio};

use millstream::prelude::*;

const AS_JOB: &str = "MILLSTREAM_TEST_AS_JOB";

#[derive(clap::Args)]
struct Orders {
    /// How many orders there are.
    #[arg(long, default_value_t = 1_000)]
    count: u64,
    /// The order on which the job panics.
    #[arg(long)]
    panic_at: Option<u64>,
    /// The order on which the job fails.
    #[arg(long)]
    fail_at: Option<u64>,
    /// Hold the job up at its last order until standard input is closed.
    #[arg(long)]
    hold: bool,
    /// Build a job that cannot be.
    #[arg(long)]
    broken: bool,
}

#[derive(clap::Args)]
struct Shops {
    /// Where orders are from.
    #[arg(long, required = true, num_args = 1..)]
    shop: Vec<String>,
    /// What is told beside them.
    #[arg(short, action = clap::ArgAction::Count, long)]
    verbose: u8,
}

/// Takes the engine's flag.
#[derive(clap::Args)]
struct Clashing {
    #[arg(long = "metrics")]
    _metrics: bool,
}

#[derive(Clone)]
struct Check {
    panic_at: Option<u64>,
    fail_at: Option<u64>,
}

const PANIC_LINE: u32 = line!() + 7;

impl Process for Check {
    type In = u64;
    type Out = u64;

    fn process(&mut self, order: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        assert!(Some(order) != self.panic_at, "order {order} is haunted");
        anyhow::ensure!(Some(order) != self.fail_at, "order {order} is wrong");
        out.emit(order);
        Ok(())
    }
}

fn orders(env: &Environment, args: Orders) -> Result<()> {
    let Orders { count, panic_at, fail_at, hold, broken } = args;
    anyhow::ensure!(count < 1_000_000, "--count {count} is too many");
    env.set_parallelism(if broken { 1_000 } else { env.parallelism() });
    env.from_collection(0..count)
        .process("check", Check { panic_at, fail_at })
        .rebalance()
        .map(move |order| {
            if hold && order + 1 == count {
                let _ = std::io::stdin().read_to_end(&mut Vec::new());
            }
            order
        })
        .key_by_owned(|order| order % 2)
        .count()
        .filter(move |(_, counted)| *counted == count / 2)
        .print();
    Ok(())
}

fn main() -> ExitCode {
    match std::env::var(AS_JOB).as_deref() {
        Ok("orders") => return millstream::cli::run("orders", "Adds up orders.", orders),
        Ok("shops") => {
            return millstream::cli::run("shops", "", |env, Shops { shop, verbose }| {
                env.set_name(&format!("{} {verbose}", shop.join("+")));
                env.from_collection([0]).print();
                Ok(())
            });
        }
        Ok("clashing") => return millstream::cli::run("clashing", "", |_, _: Clashing| Ok(())),
        Ok(_) => return millstream::cli::run("empty", "", |_, _: millstream::cli::NoArgs| Ok(())),
        Err(_) => {}
    }
    let facts: [(&str, fn()); 14] = [
        ("help_begins_with_what_the_job_is_for", help),
        ("values_come_from_flags_then_the_environment_then_the_file", origins),
        ("what_is_required_may_stand_in_the_file", required_in_file),
        ("a_wrong_value_is_told_where_it_stands", wrong_values),
        ("a_job_prints_to_standard_output_and_its_summary_to_standard_error", summary),
        ("plan_prints_the_graph_and_runs_nothing", plan),
        ("check_tells_whether_the_job_can_go_on_by_its_exit_code", check_restore),
        ("a_wrong_flag_is_named_and_exits_with_2", wrong_flag),
        ("a_flag_that_the_engine_has_is_an_error_in_any_build", clash),
        ("a_panic_is_told_once_with_its_place_in_the_code", panic),
        ("an_error_of_user_code_names_the_operator", failure),
        ("a_job_that_cannot_be_built_says_why", unbuildable),
        ("an_address_in_use_is_an_error", address_in_use),
        ("metrics_are_served_while_the_job_runs", metrics),
    ];
    for (name, fact) in facts {
        fact();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

fn job(name: &str, line: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(AS_JOB, name).env_remove("RUST_BACKTRACE").env_remove("MILLSTREAM_LOG").stdin(Stdio::null());
    command.args(line.split_whitespace());
    command
}

/// Runs a job; answers with what it has printed.
#[track_caller]
fn check(name: &str, line: &str, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = job(name, line).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{line}: {stdout}{stderr}");
    (stdout, stderr)
}

fn summary() {
    let (stdout, stderr) = check("orders", "--count 1000 -p 1", 0);
    assert_eq!(stdout, "(0, 500)\n(1, 500)\n");
    for part in ["INFO", "job `orders` finished in", "read     1,000 records", "written      2 records", "check"] {
        assert!(stderr.contains(part), "no {part} in {stderr}");
    }
}

fn help() {
    let (stdout, _) = check("orders", "--help", 0);
    assert!(stdout.starts_with("Adds up orders.\n\nUsage"), "{stdout}");
    for part in ["[env: ORDERS_COUNT]", "[env: MILLSTREAM_PARALLELISM]", "--config <FILE>", "else from the defaults"] {
        assert!(stdout.contains(part), "no {part} in {stdout}");
    }
}

/// Writes a file of values.
fn config(text: &str) -> tempfile::TempPath {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.into_temp_path()
}

/// Runs a job with environment variables; answers with what it has printed.
#[track_caller]
fn check_with(variables: &[(&str, &str)], name: &str, line: &str, code: i32) -> (String, String) {
    let Output { status, stdout, stderr } = job(name, line).envs(variables.iter().copied()).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
    assert_eq!(status.code(), Some(code), "{line}: {stdout}{stderr}");
    (stdout, stderr)
}

fn origins() {
    let file = config("parallelism = 2\njob-name = \"filed\"\ncount = 10\n");
    let flag = format!("--config {}", file.display());
    let (stdout, _) = check("orders", &format!("plan {flag}"), 0);
    assert!(stdout.contains("job `filed`") && stdout.contains("parallelism 2"), "{stdout}");
    let three = ("MILLSTREAM_PARALLELISM", "3");
    let (stdout, _) = check_with(&[three], "orders", &format!("plan {flag}"), 0);
    assert!(stdout.contains("job `filed`") && stdout.contains("parallelism 3"), "{stdout}");
    let path = file.to_str().unwrap();
    let (stdout, _) = check_with(&[three, ("MILLSTREAM_CONFIG", path)], "orders", "plan --job-name typed -p 4", 0);
    assert!(stdout.contains("job `typed`") && stdout.contains("parallelism 4"), "{stdout}");
    let (stdout, stderr) = check_with(&[("ORDERS_COUNT", "20")], "orders", &flag, 0);
    assert!(stdout.contains("(0, 10)") && stderr.contains("job `filed` finished"), "{stdout}{stderr}");
    let (stdout, _) = check("orders", &flag, 0);
    assert!(stdout.contains("(0, 5)"), "{stdout}");
    let (_, stderr) = check("orders", &format!("{flag} --count 1000000"), 1);
    assert!(stderr.contains("error: --count 1000000 is too many\n"), "{stderr}");
}

fn required_in_file() {
    let (_, stderr) = check("shops", "plan", 2);
    assert!(stderr.contains("--shop"), "{stderr}");
    let file = config("shop = [\"a b\", \"c\"]\nverbose = 2\nno-progress = true\ndisable-chaining = false\n");
    let flag = format!("--config {}", file.display());
    let (stdout, _) = check("shops", &format!("plan {flag}"), 0);
    assert!(stdout.contains("job `a b+c 2`"), "{stdout}");
    let (stdout, _) = check("shops", &format!("plan --shop d {flag}"), 0);
    assert!(stdout.contains("job `d 2`"), "{stdout}");
    let (stdout, _) = check_with(&[("SHOPS_SHOP", "e")], "shops", &format!("plan {flag}"), 0);
    assert!(stdout.contains("job `e 2`"), "{stdout}");
}

fn wrong_values() {
    let in_file = |text: &str, expected: &str| {
        let file = config(text);
        let (stdout, stderr) = check("orders", &format!("--config {}", file.display()), 2);
        let expected = format!("error: {}, {expected}", file.display());
        assert!(stdout.is_empty() && stderr.starts_with(&expected), "{expected}: {stderr}");
    };
    in_file("\nparalelism = 2\n", "line 2: there is no flag for `paralelism`: did you mean `parallelism`?");
    in_file("cuont = 2\n", "line 1: there is no flag for `cuont`: did you mean `count`?");
    in_file("zzz = 2\n", "line 1: there is no flag for `zzz`: keys are flags");
    in_file("config = \"a\"\n", "line 1: there is no flag for `config`");
    in_file("count = 2\nparallelism = 0\n", "line 2: `parallelism`: invalid value '0'");
    in_file("count = \"many\"\n", "line 1: `count`: invalid value 'many'");
    in_file("hold = 3\n", "line 1: `hold` is on or off: write `hold = true`");
    in_file("count = [1, 2]\n", "line 1: `count` takes one value");
    in_file("[orders]\ncount = 1\n", "line 1: `orders` is a table");
    let (_, stderr) = check("orders", "--config no/such.toml", 2);
    assert!(stderr.starts_with("error: cannot read no/such.toml, which --config names"), "{stderr}");
    let (_, stderr) = check_with(&[("MILLSTREAM_PARALLELISM", "0")], "orders", "plan", 2);
    assert!(stderr.starts_with("error: environment variable MILLSTREAM_PARALLELISM: invalid value '0'"), "{stderr}");
    let file = config("parallelism = 0\n");
    check("orders", &format!("plan --parallelism 2 --config {}", file.display()), 0);
}

fn plan() {
    let (stdout, _) = check("orders", "plan --count 10 --parallelism 3 --job-name trial", 0);
    assert!(stdout.contains("job `trial`") && stdout.contains("parallelism 3"), "{stdout}");
    let (stdout, _) = check("orders", "plan --format mermaid", 0);
    assert!(stdout.starts_with("flowchart LR"), "{stdout}");
}

fn check_restore() {
    let directory = tempfile::tempdir().unwrap();
    let flags = format!("--count 1000 --checkpoint-dir {}", directory.path().display());
    check("orders", &flags, 0);
    let (stdout, _) = check("orders", &format!("check {flags} --restore latest --parallelism 3"), 0);
    assert!(stdout.contains("restored (accumulators, "), "{stdout}");
    assert!(stdout.lines().last().unwrap().starts_with("the job can go on from "), "{stdout}");
    let (stdout, _) = check("orders", &format!("check {flags} --restore latest --max-parallelism 64"), 1);
    assert!(stdout.contains("the job cannot go on from "), "{stdout}");
    let (stdout, stderr) = check("orders", &format!("check {flags} --restore {}/none", directory.path().display()), 1);
    assert!(stdout.is_empty() && stderr.contains("error: there is nothing at"), "{stdout}{stderr}");
    let (_, stderr) = check("orders", &format!("check {flags}"), 2);
    assert!(stderr.contains("--restore <latest|PATH>"), "{stderr}");
}

fn wrong_flag() {
    let (_, stderr) = check("orders", "--cuont 3", 2);
    assert!(stderr.contains("--cuont") && stderr.contains("--count"), "{stderr}");
    let (_, stderr) = check("orders", "--parallelism 0", 2);
    assert!(stderr.contains("--parallelism") && stderr.contains("from 1 to 32768"), "{stderr}");
    let (_, stderr) = check("orders", "--metrics nowhere", 2);
    assert!(stderr.contains("--metrics") && stderr.contains("127.0.0.1:9249"), "{stderr}");
}

fn clash() {
    let (_, stderr) = check("clashing", "", 1);
    assert_eq!(
        stderr,
        "error: the job's argument `_metrics` takes `--metrics`, which is the engine's: give it another flag\n"
    );
}

fn panic() {
    let (_, stderr) = check("orders", "--panic-at 700", 1);
    assert_eq!(stderr.matches("order 700 is haunted").count(), 1, "{stderr}");
    let place = format!("{}:{PANIC_LINE}:9", file!());
    assert!(stderr.contains("error: operator `check`, subtask 0") && stderr.contains(&place), "{place}: {stderr}");
}

fn failure() {
    let (_, stderr) = check("orders", "--fail-at 700", 1);
    assert_eq!(stderr.matches("order 700 is wrong").count(), 1, "{stderr}");
    assert!(stderr.contains("error: operator `check`, subtask 0"), "{stderr}");
}

fn unbuildable() {
    let (_, stderr) = check("orders", "--broken", 1);
    assert!(stderr.contains("error: operator") && stderr.contains("parallelism 1000"), "{stderr}");
    let (_, stderr) = check("orders", "--count 1000000", 1);
    assert_eq!(stderr, "error: --count 1000000 is too many\n");
    let (_, stderr) = check("empty", "", 1);
    assert!(stderr.contains("error: the job is empty"), "{stderr}");
}

fn address_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (_, stderr) = check("orders", &format!("--metrics {address}"), 1);
    assert!(stderr.contains(&format!("error: cannot serve metrics on {address}")), "{stderr}");
}

fn metrics() {
    let mut running = job("orders", "--hold --metrics 127.0.0.1:0");
    let mut running = running.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let address = lines.find_map(|line| Some(line.unwrap().strip_prefix("metrics: http://")?.to_owned())).unwrap();
    let address = address.strip_suffix("/metrics").unwrap();
    // The last order is held up, so the scrapes go on until the others have been copied.
    let read = r#"numRecordsIn{job="orders",operator="check",subtask="0"} 1000"#;
    while !scrape(address).contains(read) {}
    drop(running.stdin.take());
    assert!(lines.any(|line| line.unwrap().contains("finished")));
    assert!(running.wait().unwrap().success());
}

fn scrape(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: millstream\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}
