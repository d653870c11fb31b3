//! Flink's answers, by `scripts/flink-cep/run`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::case::Case;

/// The cases with the answers of a Flink that is fetched if need be.
pub(crate) fn answered(cases: &[Case]) -> Vec<Case> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/flink-cep/run");
    let mut flink = Command::new(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut to = flink.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| line(case) + "\n").collect();
    // Both pipes are bounded: one thread writes while this one reads.
    let writer = std::thread::spawn(move || to.write_all(lines.as_bytes()));
    let output = flink.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "scripts/flink-cep/run: {}", output.status);
    let answered = read(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(answered.len(), cases.len());
    answered
}

/// A case as one line.
pub(crate) fn line(case: &Case) -> String {
    serde_json::to_string(case).unwrap()
}

/// The cases of a file of lines.
pub(crate) fn read(lines: &str) -> Vec<Case> {
    let case = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    lines.lines().map(case).collect()
}
