//! From what was typed to what is to be done.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::{Arg, ArgMatches, Args, FromArgMatches, value_parser};

use super::checkpoints::RESTORE;
use super::clash::{self, Clash};
use super::config::ConfigError;
use super::engine::{EngineArgs, PlanFormat};
use super::origins::{self, Misplaced, with_environment};

/// A parsed command line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Invocation<A> {
    pub(crate) command: Command,
    pub(crate) engine: EngineArgs,
    /// The job's own arguments.
    pub(crate) job: A,
}

/// What is to be done with the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    /// Run it.
    Run,
    /// Print its graph.
    Plan(PlanFormat),
    /// Tell whether it can go on from a snapshot.
    Check,
}

/// Why there is nothing to be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParseError {
    /// What was typed is wrong, or asks for help.
    #[error(transparent)]
    Clap(#[from] clap::Error),
    /// The job's arguments and the engine's do not go together.
    #[error(transparent)]
    Clash(#[from] Clash),
    /// Something is wrong in the environment or in the file of values.
    #[error(transparent)]
    Misplaced(#[from] Misplaced),
}

impl From<ConfigError> for ParseError {
    fn from(error: ConfigError) -> Self {
        Self::Misplaced(error.into())
    }
}

/// Parses a command line of a job with this name and doc; the first of `words` is the binary.
pub(crate) fn parse<A: Args>(
    (name, about): (&str, &str),
    words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Invocation<A>, ParseError> {
    let (job, engine) = (clap::Command::new("job"), clap::Command::new("engine"));
    clash::check(&A::augment_args(job), &EngineArgs::augment_args(engine))?;
    let command = self::command::<A>(name, about);
    let origins = origins::with_file(&command, words.into_iter().map(Into::into).collect())?;
    let matched = command.clone().try_get_matches_from(&origins.words);
    let mut matches = matched.map_err(|error| match origins.blame(&command, &error) {
        Some(misplaced) => ParseError::from(misplaced),
        None => error.into(),
    })?;
    let (asked, mut matches) = match matches.remove_subcommand() {
        Some((subcommand, mut matches)) if subcommand == "plan" => {
            let format: Option<PlanFormat> = matches.remove_one("millstream.format");
            (Command::Plan(format.unwrap_or(PlanFormat::Text)), matches)
        }
        Some((subcommand, matches)) if subcommand == "check" => (Command::Check, matches),
        Some((_, matches)) => (Command::Run, matches),
        None => (Command::Run, matches),
    };
    invocation(asked, &mut matches).map_err(|error| error.format(&mut self::command::<A>(name, about)).into())
}

fn invocation<A: Args>(command: Command, matches: &mut ArgMatches) -> Result<Invocation<A>, clap::Error> {
    let engine = EngineArgs::from_arg_matches_mut(matches)?;
    Ok(Invocation { command, engine, job: A::from_arg_matches_mut(matches)? })
}

/// The binary's command line. Its arguments may stand without a subcommand, for `run`.
fn command<A: Args>(name: &str, about: &str) -> clap::Command {
    let run = with_arguments::<A>(name, clap::Command::new("run")).about("Run the job; the default");
    let format = Arg::new("millstream.format")
        .long("format")
        .value_name("FORMAT")
        .help("How the graph is written")
        .help_heading(ENGINE_HEADING)
        .default_value("text")
        .value_parser(value_parser!(PlanFormat));
    let plan = with_arguments::<A>(name, clap::Command::new("plan"));
    let plan = plan.about("Print the graph that the job would run as, and run nothing").arg(format);
    let check = with_arguments::<A>(name, clap::Command::new("check")).mut_arg(RESTORE, |arg| arg.required(true));
    let check = check.about("Tell whether the job can go on from the snapshot that --restore names, and run nothing");
    // Help and errors call the binary what it was called by.
    let command = with_arguments::<A>(name, clap::Command::new("job"))
        .subcommands([run, plan, check])
        .args_conflicts_with_subcommands(true)
        .subcommand_negates_reqs(true);
    let lines: Vec<&str> = about.trim().lines().map(str::trim).collect();
    let (first, rest) = lines.split_at(lines.iter().take_while(|line| !line.is_empty()).count());
    match (first, rest) {
        ([], _) => command,
        (first, []) => command.about(first.join(" ")),
        (first, _) => command.about(first.join(" ")).long_about(lines.join("\n")),
    }
}

const ENGINE_HEADING: &str = "Engine options";

fn with_arguments<A: Args>(name: &str, command: clap::Command) -> clap::Command {
    let command = with_environment(A::augment_args(command.next_help_heading("Job options")), name);
    // Each struct's doc becomes the command's; that of the job's arguments is the one to show.
    let (about, long_about) = (command.get_about().cloned(), command.get_long_about().cloned());
    with_environment(EngineArgs::augment_args(command.next_help_heading(ENGINE_HEADING)), "MILLSTREAM")
        .after_help(origins::HELP)
        .about(Resettable::from(about))
        .long_about(Resettable::from(long_about))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::NoArgs;
    use clap::error::ErrorKind;

    /// Counts words.
    #[derive(Args, Debug, PartialEq, Eq)]
    struct WordCount {
        /// What to read.
        #[arg(long, required = true, num_args = 1..)]
        input: Vec<String>,
        #[arg(long)]
        parallelism_of_sink: Option<usize>,
    }

    #[track_caller]
    fn parsed(line: &str) -> Invocation<WordCount> {
        parse(("word_count", ""), line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[track_caller]
    fn refused<A: Args + std::fmt::Debug>(line: &str) -> (ErrorKind, String) {
        match parse::<A>(("word_count", ""), line.split(' ')).unwrap_err() {
            ParseError::Clap(error) => (error.kind(), error.to_string()),
            other => panic!("{line}: {other}"),
        }
    }

    #[test]
    fn clap_finds_nothing_wrong_with_the_command_line() {
        command::<WordCount>("word_count", "").debug_assert();
        command::<NoArgs>("none", "").debug_assert();
    }

    #[test]
    fn without_a_subcommand_the_job_is_run() {
        let short = parsed("word_count --input a b -p 4");
        assert_eq!(short.command, Command::Run);
        assert_eq!(short.job.input, ["a", "b"]);
        assert_eq!(short.engine.parallelism, Some(4));
        assert_eq!(short, parsed("word_count run --input a b --parallelism 4"));
    }

    #[test]
    fn plan_takes_the_same_arguments() {
        let plan = parsed("word_count plan --input a --format dot --disable-chaining");
        assert_eq!(plan.command, Command::Plan(PlanFormat::Dot));
        assert!(plan.engine.disable_chaining);
        assert_eq!(parsed("word_count plan --input a").command, Command::Plan(PlanFormat::Text));
    }

    #[test]
    fn check_needs_a_snapshot() {
        let check = parsed("word_count check --input a --checkpoint-dir b --restore latest -p 2");
        assert_eq!(check.command, Command::Check);
        assert_eq!(check.engine.checkpoints.restore.as_deref(), Some("latest"));
        let (kind, message) = refused::<WordCount>("word_count check --input a");
        assert_eq!(kind, ErrorKind::MissingRequiredArgument);
        assert!(message.contains("--restore <latest|PATH>"), "{message}");
    }

    #[test]
    fn a_value_may_be_called_like_a_subcommand() {
        assert_eq!(parsed("word_count --input run plan").job.input, ["run", "plan"]);
    }

    #[test]
    fn wrong_flags_are_claps_errors() {
        let (kind, message) = refused::<WordCount>("word_count --input a --paralelism 3");
        assert_eq!(kind, ErrorKind::UnknownArgument);
        assert!(message.contains("--parallelism"), "{message}");
        assert_eq!(refused::<WordCount>("word_count").0, ErrorKind::MissingRequiredArgument);
        assert_eq!(refused::<WordCount>("word_count plan").0, ErrorKind::MissingRequiredArgument);
        assert_eq!(refused::<NoArgs>("word_count -p 0").0, ErrorKind::ValueValidation);
        assert_eq!(refused::<NoArgs>("word_count --metrics 9249").0, ErrorKind::ValueValidation);
    }

    #[test]
    fn help_shows_the_jobs_doc_and_both_kinds_of_options() {
        let (kind, help) = refused::<WordCount>("word_count --help");
        assert_eq!(kind, ErrorKind::DisplayHelp);
        assert!(help.starts_with("Counts words"), "{help}");
        let at = |text: &str| help.find(text).unwrap_or_else(|| panic!("no {text} in {help}"));
        assert!(at("Job options:") < at("What to read") && at("What to read") < at("Engine options:"), "{help}");
        assert!(at("Engine options:") < at("--metrics"), "{help}");
        let (_, help) = refused::<NoArgs>("word_count --help");
        assert!(help.starts_with("Usage") && !help.contains("Job options"), "{help}");
    }

    #[test]
    fn the_doc_of_the_job_goes_before_that_of_its_arguments() {
        let doc = " Counts words\n in files.\n\n Slowly.";
        let help = |flag: &str| parse::<WordCount>(("word_count", doc), ["word_count", flag]).unwrap_err().to_string();
        assert!(help("-h").starts_with("Counts words in files.\n\nUsage"), "{}", help("-h"));
        assert!(help("--help").starts_with("Counts words\nin files.\n\nSlowly."), "{}", help("--help"));
    }

    #[test]
    fn a_flag_that_the_engine_has_is_a_clash() {
        #[derive(Args, Debug)]
        struct Clashing {
            #[arg(long)]
            metrics: bool,
        }
        let error = parse::<Clashing>(("job", ""), ["job"]).unwrap_err().to_string();
        assert!(error.contains("`metrics` takes `--metrics`"), "{error}");
    }
}
