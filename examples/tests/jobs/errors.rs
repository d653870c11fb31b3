//! An example that cannot do its work says once what is wrong and where, exits accordingly, and shows no output.

use std::fs;
use std::path::{Path, PathBuf};

use super::running::{run, visible};

const HEADER: &str = "reported,scheduled,delay_min,distance_mi,origin,destination\n";
const FLIGHT: &str = "2000-12-31T23:43:00Z,2001-01-01T00:03:00Z,-20,1946,LAX,ATL\n";

/// An input file and a place for output.
struct Job {
    directory: tempfile::TempDir,
}

impl Job {
    fn with_input(content: impl AsRef<[u8]>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("input"), content).unwrap();
        Self { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Runs an example on the input, which must fail with one message that holds all `parts`.
    #[track_caller]
    fn fails(&self, example: &str, more: &str, code: i32, parts: &[&str]) {
        let (input, output) = (self.path("input"), self.path("output"));
        let before = visible(&output);
        let line = format!("--input {} --output {} {more}", input.display(), output.display());
        let ended = run(example, line.split_whitespace());
        assert_eq!(ended.code, Some(code), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        for part in parts {
            assert_eq!(ended.stderr.matches(part).count(), 1, "`{part}` is not there once: {}", ended.stderr);
        }
        let errors = ended.stderr.lines().filter(|line| line.starts_with("error: ")).count();
        assert_eq!(errors, 1, "{}", ended.stderr);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
        assert_eq!(visible(&output), before, "the failed job has left output");
    }
}

fn both(check: impl Fn(&str)) {
    ["word_count", "flight_delays"].into_iter().for_each(check);
}

#[test]
fn a_missing_input_is_named() {
    let job = Job::with_input("");
    fs::remove_file(job.path("input")).unwrap();
    let part = format!("there is no file or directory `{}`", job.path("input").display());
    both(|example| job.fails(example, "", 1, &[&part]));
}

#[test]
fn a_glob_that_matches_nothing_is_named() {
    let job = Job::with_input("");
    let line = format!("--input {}/*.txt --output {}", job.directory.path().display(), job.path("output").display());
    let ended = run("word_count", line.split(' '));
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("no file matches `") && ended.stderr.contains("/*.txt`"), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn an_input_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let job = Job::with_input("words");
    fs::set_permissions(job.path("input"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read it all the same.
    if fs::File::open(job.path("input")).is_err() {
        let part = format!("cannot read {}", job.path("input").display());
        both(|example| job.fails(example, "", 1, &[&part, "ermission denied"]));
    }
}

#[test]
fn text_that_is_not_utf_8_is_named_by_file_line_and_column() {
    let job = Job::with_input(b"two words\r\nnot \xff text\n");
    let part = format!("{} line 2 column 5: invalid UTF-8", job.path("input").display());
    job.fails("word_count", "", 1, &[&part]);
    job.fails("word_count", "--parallelism 4", 1, &[&part]);
}

#[test]
fn a_malformed_field_is_named_by_file_line_and_column() {
    let wrong = FLIGHT.replace("-20", "soon");
    let job = Job::with_input(format!("{HEADER}{FLIGHT}\n{wrong}{FLIGHT}"));
    let part = format!("{} line 4 column 43: field `delay_min`", job.path("input").display());
    job.fails("flight_delays", "", 1, &[&part]);
    job.fails("flight_delays", "--parallelism 2", 1, &[&part]);
}

#[test]
fn a_row_with_too_few_fields_is_named_by_file_and_line() {
    let job = Job::with_input(format!("{HEADER}{FLIGHT}2000-12-31T23:43:00Z,2001-01-01T00:03:00Z\n"));
    job.fails("flight_delays", "", 1, &[&format!("{} line 3", job.path("input").display())]);
}

#[test]
fn a_column_that_is_missing_is_named() {
    let job = Job::with_input(format!("{HEADER}{FLIGHT}").replace("origin", "from"));
    job.fails("flight_delays", "", 1, &["`origin`"]);
}

#[test]
fn an_output_directory_that_holds_files_is_refused_and_left_as_it_is() {
    let job = Job::with_input(format!("{HEADER}{FLIGHT}"));
    let old = job.path("output/deep/part-0");
    fs::create_dir_all(old.parent().unwrap()).unwrap();
    fs::write(&old, "old").unwrap();
    both(|example| {
        job.fails(example, "", 1, &["holds files already, such as", &old.display().to_string()]);
        job.fails(example, "--parallelism 3", 1, &["holds files already"]);
    });
    assert_eq!(fs::read_to_string(&old).unwrap(), "old");
}

#[test]
fn an_output_directory_of_hidden_files_is_taken() {
    let job = Job::with_input(format!("{HEADER}{FLIGHT}"));
    fs::create_dir_all(job.path("output")).unwrap();
    fs::write(job.path("output/.part-0.inprogress"), "what a killed job has left").unwrap();
    let [input, output] = ["input", "output"].map(|name| job.path(name).display().to_string());
    let ended = run("flight_delays", ["--input", &input, "--output", &output]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(visible(Path::new(&output)).len(), 1);
}

#[test]
fn an_output_that_is_a_file_is_named() {
    let job = Job::with_input("words");
    fs::write(job.path("output"), "a file").unwrap();
    let part = format!("cannot create directory {}", job.path("output").display());
    job.fails("word_count", "", 1, &[&part]);
}

#[test]
fn a_wrong_flag_exits_with_2() {
    let job = Job::with_input("");
    both(|example| {
        job.fails(example, "--paralelism 2", 2, &["unexpected argument '--paralelism'"]);
        job.fails(example, "--parallelism 0", 2, &["--parallelism", "from 1 to 32768"]);
        job.fails(example, "--rate fast", 2, &["invalid value 'fast' for '--rate"]);
    });
}

#[test]
fn a_rate_that_cannot_be_is_an_error() {
    let job = Job::with_input("words");
    job.fails("word_count", "--rate 0", 1, &["rate"]);
}

#[test]
fn a_wrong_duration_says_what_to_write() {
    let job = Job::with_input("");
    for flag in ["--out-of-orderness", "--allowed-lateness"] {
        let parts = [flag, "`10parsecs` is not a duration", "such as `10 s`"];
        job.fails("flight_delays", &format!("{flag} 10parsecs"), 2, &parts);
    }
}
