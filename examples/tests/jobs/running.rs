//! Runs the binaries of the examples and reads what they have written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;

/// A job that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// How a job's process has ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The binary of an example. Cargo builds it along with the tests of the package, and puts it beside them.
fn binary(example: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(format!("{example}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "{} is not built: `cargo build --examples`", path.display());
    path
}

/// Runs an example to its end, however that is.
#[track_caller]
pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(example: &str, args: impl IntoIterator<Item = A>) -> Ended {
    let logs = tempfile::tempdir().unwrap();
    let log = |name: &str| logs.path().join(name);
    let mut command = Command::new(binary(example));
    command.args(args).env_remove("RUST_BACKTRACE").env_remove("MILLSTREAM_LOG").stdin(Stdio::null());
    command.stdout(fs::File::create(log("stdout")).unwrap()).stderr(fs::File::create(log("stderr")).unwrap());
    let mut process = command.spawn().unwrap();
    let began = Instant::now();
    let code = loop {
        if let Some(status) = process.try_wait().unwrap() {
            break status.code();
        }
        if began.elapsed() > PATIENCE {
            process.kill().unwrap();
            panic!("{command:?} hangs: {}", fs::read_to_string(log("stderr")).unwrap());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let read = |name: &str| fs::read_to_string(log(name)).unwrap();
    Ended { code, stdout: read("stdout"), stderr: read("stderr") }
}

/// Runs an example that does its work.
#[track_caller]
pub(crate) fn succeed<A: AsRef<std::ffi::OsStr>>(example: &str, args: impl IntoIterator<Item = A>) -> Ended {
    let ended = run(example, args);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout, "", "standard output belongs to jobs that print");
    ended
}

/// The values in the visible files in a directory and below, but not in those directories called `except`.
pub(crate) fn json_lines<T: DeserializeOwned>(directory: &Path, except: &[&str]) -> Vec<T> {
    let files = visible(directory);
    let wanted = files.iter().filter(|path| {
        let below = path.strip_prefix(directory).unwrap();
        !below.iter().any(|name| except.iter().any(|except| name == *except))
    });
    let texts = wanted.map(|path| fs::read_to_string(path).unwrap());
    texts.flat_map(|text| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<_>>()).collect()
}

/// The files of which no name on the path begins with `.` or `_`.
pub(crate) fn visible(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut files = Vec::new();
    for entry in entries.map(Result::unwrap) {
        if !entry.file_name().to_str().unwrap().starts_with(['.', '_']) {
            match entry.file_type().unwrap().is_dir() {
                true => files.extend(visible(&entry.path())),
                false => files.push(entry.path()),
            }
        }
    }
    files
}

/// The same numbers in each run, spread evenly: Knuth's MMIX generator, of which the high half is used.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) % bound
    }
}
