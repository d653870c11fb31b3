//! Finds flags that are defined twice.
//!
//! clap checks this in debug builds only; a release build would take one of the two in silence.

use std::collections::BTreeMap;

use clap::{Arg, Command};

/// A command line that cannot be understood, whatever is typed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Clash {
    /// The job's arguments take a flag that the engine has.
    #[error("the job's argument `{argument}` takes `{flag}`, which is the engine's: give it another flag")]
    WithEngine { argument: String, flag: String },
    /// Two of the job's arguments take the same flag, or have the same id.
    #[error("the job's arguments `{first}` and `{second}` both take `{flag}`: give one of them another")]
    Twice { first: String, second: String, flag: String },
    /// The job's arguments have subcommands.
    #[error("the job's arguments have the subcommand `{name}`: a job's binary has the engine's subcommands only")]
    Subcommand { name: String },
}

/// What clap adds by itself.
const HELP: [&str; 2] = ["--help", "-h"];

/// Checks the job's arguments against themselves and against the engine's.
pub(crate) fn check(job: &Command, engine: &Command) -> Result<(), Clash> {
    if let Some(subcommand) = job.get_subcommands().next() {
        return Err(Clash::Subcommand { name: subcommand.get_name().to_owned() });
    }
    let engine: Vec<String> = engine.get_arguments().flat_map(flags).chain(HELP.map(str::to_owned)).collect();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for argument in job.get_arguments() {
        let name = argument.get_id().to_string();
        for flag in flags(argument) {
            if engine.contains(&flag) {
                return Err(Clash::WithEngine { argument: name, flag });
            }
            if let Some(first) = seen.insert(flag.clone(), name.clone()) {
                return Err(Clash::Twice { first, second: name, flag });
            }
        }
    }
    Ok(())
}

/// Everything that names an argument: its id, its flags and their aliases.
fn flags(argument: &Arg) -> Vec<String> {
    let longs = argument.get_long().into_iter().chain(argument.get_all_aliases().unwrap_or_default());
    let shorts = argument.get_short().into_iter().chain(argument.get_all_short_aliases().unwrap_or_default());
    let id = argument.get_id().to_string();
    longs.map(|long| format!("--{long}")).chain(shorts.map(|short| format!("-{short}"))).chain([id]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_against_engine(job: Vec<Arg>, expected: &str) {
        let engine = Command::new("engine").arg(Arg::new("millstream.parallelism").long("parallelism").short('p'));
        let error = check(&Command::new("job").args(job), &engine).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_flag_of_the_engine_is_taken() {
        let pages = |flag: Arg| vec![Arg::new("input").long("input"), flag];
        check_against_engine(pages(Arg::new("threads").long("parallelism")), "`threads` takes `--parallelism`");
        check_against_engine(pages(Arg::new("pages").short('p')), "`pages` takes `-p`");
        check_against_engine(pages(Arg::new("host").short('h')), "`host` takes `-h`");
        check_against_engine(pages(Arg::new("threads").long("threads").alias("parallelism")), "`--parallelism`");
        check_against_engine(pages(Arg::new("millstream.parallelism")), "takes `millstream.parallelism`");
    }

    #[test]
    fn a_flag_cannot_be_taken_twice() {
        let twice = vec![Arg::new("limit").long("limit").short('l'), Arg::new("lines").long("lines").short('l')];
        check_against_engine(twice, "`limit` and `lines` both take `-l`");
        let twice = vec![Arg::new("input").long("input"), Arg::new("input").long("from")];
        check_against_engine(twice, "both take `input`");
    }

    #[test]
    fn a_job_has_no_subcommands() {
        let job = Command::new("job").subcommand(Command::new("plan"));
        assert_eq!(check(&job, &Command::new("engine")), Err(Clash::Subcommand { name: "plan".to_owned() }));
    }
}
