//! `word_count` gives the counts of a plain loop, whatever the input's form and the parallelism.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;

use serde::Deserialize;

use super::running::{Random, json_lines, succeed};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WordCount {
    word: String,
    count: u64,
}

type Counts = BTreeMap<String, u64>;

fn counts_of(text: &str) -> Counts {
    let mut counts = Counts::new();
    let mut word = String::new();
    for char in text.chars().chain([' ']) {
        if char.is_alphanumeric() {
            word.push(char);
        } else if !word.is_empty() {
            *counts.entry(std::mem::take(&mut word).to_lowercase()).or_default() += 1;
        }
    }
    counts
}

/// Lines with LF and with CRLF, some empty, and none at the end of the last.
fn text(seed: u64, lines: usize) -> String {
    const WORDS: [&str; 12] =
        ["the", "The", "Émile", "naïve", "ΟΔΥΣΣΕΥΣ", "straße", "水", "x2", "42", "co-op", "it's", "İstanbul"];
    const BETWEEN: [&str; 6] = [" ", "  ", "\t", ", ", "—", "…"];
    let mut random = Random(seed);
    let mut text = String::new();
    for line in 0..lines {
        for _ in 0..random.below(9) {
            text += WORDS[random.below(12) as usize];
            if random.below(20) == 0 {
                text += &random.below(500).to_string();
            }
            text += BETWEEN[random.below(6) as usize];
        }
        text += if line + 1 == lines { "end" } else { ["\n", "\r\n"][random.below(2) as usize] };
    }
    text
}

/// Counts the words of `input` by the example at each parallelism.
#[track_caller]
fn check(input: &[&Path], parallelisms: impl IntoIterator<Item = usize>, expected: &Counts) {
    for parallelism in parallelisms {
        let directory = tempfile::tempdir().unwrap();
        let output = directory.path().join("counts");
        let mut args: Vec<OsString> = vec!["--output".into(), output.clone().into(), "--input".into()];
        args.extend(input.iter().map(|path| path.into()));
        args.extend(["--parallelism".into(), parallelism.to_string().into()]);
        succeed("word_count", args);
        let rows: Vec<WordCount> = json_lines(&output, &[]);
        let words = rows.len();
        let counts: Counts = rows.into_iter().map(|row| (row.word, row.count)).collect();
        assert_eq!(words, counts.len(), "a word has several lines at parallelism {parallelism}");
        assert_eq!(counts, *expected, "parallelism {parallelism}");
    }
}

#[test]
fn a_file_is_counted_alike_at_every_parallelism() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("text.txt");
    let text = text(1, 3000);
    fs::write(&file, &text).unwrap();
    check(&[&file], [1, 2, 3, 4, 8], &counts_of(&text));
}

#[test]
fn a_directory_is_read_to_the_bottom_without_what_is_hidden() {
    let directory = tempfile::tempdir().unwrap();
    let input = directory.path().join("input");
    let mut all = String::new();
    for (seed, name) in ["a.txt", "b", "deep/er/c.txt", "deep/d.txt"].into_iter().enumerate() {
        let text = text(seed as u64, 200);
        fs::create_dir_all(input.join(name).parent().unwrap()).unwrap();
        fs::write(input.join(name), &text).unwrap();
        all += &(text + "\n");
    }
    for hidden in [".a.txt.swp", "_SUCCESS", "deep/.e.txt", ".git/config"] {
        fs::create_dir_all(input.join(hidden).parent().unwrap()).unwrap();
        fs::write(input.join(hidden), "hidden words").unwrap();
    }
    check(&[&input], 1..=4, &counts_of(&all));
}

#[test]
fn a_glob_and_a_file_beside_it_are_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let mut all = String::new();
    for (seed, name) in ["one.log", "two.log", "three.text"].into_iter().enumerate() {
        let text = text(10 + seed as u64, 100);
        fs::write(path(name), &text).unwrap();
        all += &(text + "\n");
    }
    fs::write(path("four.md"), "not asked for").unwrap();
    check(&[&path("*.log"), &path("three.text"), &path("one.log")], 1..=4, &counts_of(&all));
}

#[test]
fn a_compressed_file_is_counted_like_its_text() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("text.txt.gz");
    let text = text(20, 2000);
    let mut encoder = flate2::write::GzEncoder::new(fs::File::create(&file).unwrap(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
    check(&[&file], 1..=4, &counts_of(&text));
}

#[test]
fn words_on_the_border_between_two_splits_are_counted_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("large.txt");
    // A split of 16 MiB and a bit more, most of it a few long lines without words.
    let dashes = "-".repeat(1 << 20);
    let text: String = (0..17).map(|line| format!("{} {dashes} {line} wörd\r\n", text(line, 3))).collect();
    assert!(text.len() > 16 << 20);
    fs::write(&file, &text).unwrap();
    check(&[&file], [2], &counts_of(&text));
}

#[test]
fn an_empty_input_has_no_words() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("empty.txt");
    fs::write(&file, "").unwrap();
    check(&[&file], [1, 3], &Counts::new());
}

#[test]
fn a_rate_changes_no_count() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("text.txt");
    fs::write(&file, "a b\nb\n".repeat(100)).unwrap();
    let output = directory.path().join("counts");
    let args = ["--input".as_ref(), file.as_os_str(), "--output".as_ref(), output.as_os_str(), "--rate".as_ref()];
    let began = std::time::Instant::now();
    succeed("word_count", args.into_iter().chain(["400".as_ref()]));
    assert!(began.elapsed().as_millis() > 300, "200 lines at 400 a second took {:?}", began.elapsed());
    let mut rows: Vec<(String, u64)> =
        json_lines::<WordCount>(&output, &[]).into_iter().map(|row| (row.word, row.count)).collect();
    rows.sort();
    assert_eq!(rows, [("a".to_owned(), 100), ("b".to_owned(), 200)]);
}
