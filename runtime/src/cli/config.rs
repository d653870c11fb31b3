//! A file with values of flags: TOML, a key per flag, called as the flag is without its dashes.
//!
//! Reading a file tells of each value where it stands, so that whatever is wrong with it later can be said there.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}, which --config names: {error}", file.display())]
    Read { file: PathBuf, error: std::io::Error },
    /// Something in it is wrong.
    #[error("{}, line {line}: {reason}", file.display())]
    At { file: PathBuf, line: usize, reason: String },
}

/// The values of a file, in its order.
#[derive(Debug)]
pub(super) struct Config {
    file: PathBuf,
    pub(super) entries: Vec<Entry>,
}

/// The value of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    pub(super) value: Value,
}

/// A value as its flag would be given it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    Bool(bool),
    One(String),
    Many(Vec<String>),
}

impl Config {
    /// Reads a file.
    pub(super) fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| ConfigError::Read { file: file.to_owned(), error })?;
        Self::parse(file, &text)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let line = |at: usize| text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
        let at = |line: usize, reason: String| ConfigError::At { file: file.to_owned(), line, reason };
        let table = DeTable::parse(text)
            .map_err(|error| at(line(error.span().map_or(0, |span| span.start)), error.message().to_owned()))?;
        let mut entries = Vec::new();
        for (key, value) in table.into_inner() {
            let (line, key) = (line(key.span().start), key.into_inner().into_owned());
            let value = value_of(value.get_ref()).map_err(|reason| at(line, format!("`{key}` {reason}")))?;
            entries.push(Entry { key, line, value });
        }
        entries.sort_by_key(|entry| entry.line);
        Ok(Self { file: file.to_owned(), entries })
    }

    /// An error in a line.
    pub(super) fn error(&self, line: usize, reason: String) -> ConfigError {
        ConfigError::At { file: self.file.clone(), line, reason }
    }
}

fn value_of(value: &DeValue<'_>) -> Result<Value, String> {
    match value {
        DeValue::Boolean(value) => Ok(Value::Bool(*value)),
        DeValue::Array(values) => {
            values.iter().map(Spanned::get_ref).map(scalar).collect::<Result<_, _>>().map(Value::Many)
        }
        other => scalar(other).map(Value::One),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Ok(number.to_string()),
            Err(_) => Err(format!("has a number that is too large, {}: write it as text", number.as_str())),
        },
        DeValue::Float(number) => Ok(number.as_str().to_owned()),
        DeValue::Boolean(value) => Ok(value.to_string()),
        DeValue::Datetime(at) => Ok(at.to_string()),
        DeValue::Array(_) => Err("has a list in a list: write one list of values".to_owned()),
        DeValue::Table(_) => {
            Err("is a table: write one key per flag, such as `checkpoint-dir = \"checkpoints\"`".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("job.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_what_one_would_type() {
        let text =
            "# flags\nparallelism = 1_000\nratio = 0.5\nno-progress = true\ninput = ['a', \"b c\"]\nmask = 0xff\n";
        let one = |text: &str| Value::One(text.to_owned());
        let expected = [
            ("parallelism", 2, one("1000")),
            ("ratio", 3, one("0.5")),
            ("no-progress", 4, Value::Bool(true)),
            ("input", 5, Value::Many(vec!["a".to_owned(), "b c".to_owned()])),
            ("mask", 6, one("255")),
        ];
        let expected = expected.map(|(key, line, value)| Entry { key: key.to_owned(), line, value });
        assert_eq!(parse(text).unwrap().entries, expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let check = |text: &str, expected: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        };
        check("a = 1\nb = \n", "job.toml, line 2: ");
        check("a = 1\n[b]\nc = 1\n", "job.toml, line 2: `b` is a table: write one key per flag");
        check("a = 1\na = 2\n", "job.toml, line 2: ");
        check("\na = [[1]]\n", "job.toml, line 2: `a` has a list in a list");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Config::read(Path::new("no/such.toml")).unwrap_err().to_string();
        assert!(error.contains("no/such.toml") && error.contains("--config"), "{error}");
    }
}
