//! Where the values of flags come from: the command line, else the environment, else a file, else their defaults.
//!
//! What stands in the file is put in front of the words of the command line, as far as neither these nor the environment
//! give the flag. So whatever holds of typed flags (what is required, what goes with what) holds of those in the file.

use std::ffi::OsString;

use clap::builder::BoolishValueParser;
use clap::error::ContextKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::config::{Config, ConfigError, Entry, Value};

/// The id of `--config`.
pub(super) const CONFIG: &str = "millstream.config";

/// What `--help` says of it.
pub(super) const HELP: &str = "Values are taken from the command line, else from the environment variables shown in brackets, else \
from the TOML file that --config names (a key per flag, such as `parallelism = 4`), else from the defaults.";

/// Has flags take values from environment variables that begin with `prefix`, unless they name one by themselves.
pub(super) fn with_environment(command: Command, prefix: &str) -> Command {
    command.mut_args(|arg| {
        let Some(long) = arg.get_long().filter(|_| arg.get_env().is_none()) else { return arg };
        let name = variable(prefix, long);
        let arg = arg.env(name).hide_env_values(true);
        // What stands for a flag without a value is not for the user to know.
        if matches!(arg.get_action(), ArgAction::SetTrue) { arg.value_parser(BoolishValueParser::new()) } else { arg }
    })
}

/// An environment variable's name for a flag.
pub(super) fn variable(prefix: &str, flag: &str) -> String {
    let plain = |char: char| if char.is_ascii_alphanumeric() { char.to_ascii_uppercase() } else { '_' };
    format!("{prefix}_{flag}").chars().map(plain).collect()
}

/// A command line with what the file adds to it.
#[derive(Debug)]
pub(super) struct Origins {
    pub(super) words: Vec<OsString>,
    /// The keys of the file whose values count, with their lines.
    from_file: Vec<(String, usize)>,
    config: Option<Config>,
}

/// Adds the values of the file that the command line or the environment names, if one does.
pub(super) fn with_file(command: &Command, words: Vec<OsString>) -> Result<Origins, ConfigError> {
    let lenient = command.clone().ignore_errors(true).try_get_matches_from(&words);
    let matches = lenient.as_ref().map(|matches| matches.subcommand().map_or(matches, |(_, inner)| inner));
    let named = matches.ok().and_then(|matches| Some((matches, config_file(matches)?)));
    let Some((matches, file)) = named else { return Ok(Origins { words, from_file: Vec::new(), config: None }) };
    let config = Config::read(file.as_ref())?;
    let at = words.get(1).and_then(|word| command.find_subcommand(word)).map_or(1, |_| 2).min(words.len());
    let command = words.get(1).and_then(|word| command.find_subcommand(word)).unwrap_or(command);
    let (mut added, mut from_file) = (Vec::new(), Vec::new());
    for entry in &config.entries {
        let arg = find(command, entry).map_err(|reason| config.error(entry.line, reason))?;
        let typed = typed(arg, entry).map_err(|reason| config.error(entry.line, reason))?;
        let source = matches.value_source(arg.get_id().as_str());
        if !matches!(source, Some(ValueSource::CommandLine | ValueSource::EnvVariable)) {
            added.extend(typed);
            from_file.push((entry.key.clone(), entry.line));
        }
    }
    let mut all = words;
    all.splice(at..at, added);
    Ok(Origins { words: all, from_file, config: Some(config) })
}

fn config_file(matches: &ArgMatches) -> Option<std::path::PathBuf> {
    matches.try_get_one(CONFIG).ok().flatten().cloned()
}

/// The flag that a key stands for.
fn find<'a>(command: &'a Command, entry: &Entry) -> Result<&'a Arg, String> {
    let key = entry.key.as_str();
    let flags = || command.get_arguments().filter(|arg| arg.get_id() != CONFIG);
    flags().find(|arg| arg.get_long() == Some(key)).ok_or_else(|| {
        let near = flags().filter_map(Arg::get_long).map(|flag| (strsim::jaro(key, flag), flag));
        match near.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
            Some((likeness, flag)) if likeness > 0.7 => format!("there is no flag for `{key}`: did you mean `{flag}`?"),
            _ => format!("there is no flag for `{key}`: keys are flags without their dashes, see --help"),
        }
    })
}

/// The words that say on a command line what an entry says.
fn typed(arg: &Arg, Entry { key, value, .. }: &Entry) -> Result<Vec<OsString>, String> {
    let with = |value: &str| OsString::from(format!("--{key}={value}"));
    let flag = OsString::from(format!("--{key}"));
    let takes_many = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
    match (arg.get_action(), value) {
        (ArgAction::SetTrue, Value::Bool(value)) => Ok(value.then_some(flag).into_iter().collect()),
        (ArgAction::SetFalse, Value::Bool(value)) => Ok((!value).then_some(flag).into_iter().collect()),
        (ArgAction::SetTrue | ArgAction::SetFalse, _) => Err(format!("`{key}` is on or off: write `{key} = true`")),
        (ArgAction::Count, Value::One(times)) => match times.parse() {
            Ok(times) => Ok(std::iter::repeat_n(flag, usize::from(u8::min(times, u8::MAX))).collect()),
            Err(_) => Err(format!("`{key}` is counted: write a number, such as `{key} = 2`")),
        },
        (_, Value::Bool(value)) => Ok(vec![with(&value.to_string())]),
        (_, Value::One(value)) => Ok(vec![with(value)]),
        (ArgAction::Append, Value::Many(values)) => Ok(values.iter().map(|value| with(value)).collect()),
        (_, Value::Many(values)) if takes_many => {
            Ok(std::iter::once(flag).chain(values.iter().map(OsString::from)).collect())
        }
        (_, Value::Many(_)) => Err(format!("`{key}` takes one value: leave out the brackets")),
    }
}

impl Origins {
    /// Where the value stands that an error is about, if that is not the command line, with what is wrong with it.
    pub(super) fn blame(&self, command: &Command, error: &clap::Error) -> Option<Misplaced> {
        use clap::error::ErrorKind::{InvalidValue, ValueValidation};
        matches!(error.kind(), InvalidValue | ValueValidation).then_some(())?;
        let about = error.get(ContextKind::InvalidArg)?.to_string();
        let flag = about.trim_start_matches('-').split([' ', '=']).next()?;
        let reason = reason(error);
        if let (Some((key, line)), Some(config)) = (self.from_file.iter().find(|(key, _)| key == flag), &self.config) {
            return Some(Misplaced::File(config.error(*line, format!("`{key}`: {reason}"))));
        }
        let arg = command.get_arguments().find(|arg| arg.get_long() == Some(flag))?;
        let variable = arg.get_env().filter(|variable| std::env::var_os(variable).is_some())?;
        (!self.is_typed(arg)).then(|| Misplaced::Environment { variable: variable.to_owned(), reason })
    }

    fn is_typed(&self, arg: &Arg) -> bool {
        let long = arg.get_long().map(|long| format!("--{long}"));
        let short = arg.get_short().map(|short| format!("-{short}"));
        let begins = |word: &OsString, flag: &Option<String>| {
            flag.as_ref().is_some_and(|flag| word.to_string_lossy().starts_with(flag.as_str()))
        };
        self.words.iter().any(|word| begins(word, &long) || begins(word, &short))
    }
}

/// A wrong value that was not typed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Misplaced {
    /// It stands in the file.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// It is in the environment.
    #[error("environment variable {}: {reason}", variable.display())]
    Environment { variable: OsString, reason: String },
}

/// What is wrong, without how the command line is used.
fn reason(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.trim_start_matches("error: ").lines().take_while(|line| !line.is_empty());
    lines.map(str::trim).collect::<Vec<_>>().join(" ")
}
