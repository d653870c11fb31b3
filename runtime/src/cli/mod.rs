//! The command line of a job's binary.
//!
//! `#[millstream::main]` makes a `main` that calls [`run`] with the function that builds the job. The binary then has
//! the subcommands `run`, which is the default, `plan` and `check`; the job's own arguments stand beside the engine's, under
//! headings of their own, and a clash between them is an error in release builds too.
//!
//! Standard output belongs to the job, to `plan` and to `check`; everything else goes to standard error. The exit code is 0
//! if the job has done its work, or could go on; 1 if it failed, or could not be started or go on; 2 if the command line is
//! wrong.

mod checkpoints;
mod clash;
mod engine;
mod parse;
mod report;
mod signals;
mod state;

use std::process::ExitCode;

use clap::Args;

use self::engine::PlanFormat;
use self::parse::{Command, Invocation, ParseError};
use crate::Result;
use crate::error::blame;
use crate::observe::{init_logging, serve_metrics};
use crate::state::StateBackend;
use crate::stream::Environment;
pub use crate::time::duration::parse as duration;

/// The arguments of a job that has none.
#[derive(Args, Debug, Clone, Copy)]
#[command(about = None::<&str>, long_about = None::<&str>)]
pub struct NoArgs {}

/// Parses the command line, builds the job with `job`, and does what was asked for.
///
/// ```
/// use millstream::prelude::*;
/// use std::process::ExitCode;
///
/// #[derive(clap::Args)]
/// struct Args {
///     /// How long a window is.
///     #[arg(long, value_parser = millstream::cli::duration, default_value = "1 min")]
///     window: Duration,
/// }
///
/// fn job(env: &Environment, args: Args) -> Result<()> {
///     env.from_collection([args.window]).print();
///     Ok(())
/// }
///
/// // What `#[millstream::main]` on `job` writes:
/// fn main() -> ExitCode {
///     millstream::cli::run("word_count", "Counts words.", job)
/// }
/// ```
///
/// `about` is what `--help` begins with; if it is empty, the doc of the arguments' struct is.
pub fn run<A: Args>(name: &str, about: &str, job: fn(&Environment, A) -> Result<()>) -> ExitCode {
    crate::allocator::keep_freed_memory();
    let invocation = match parse::parse::<A>(about, std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(ParseError::Clap(error)) => {
            // A pipe that is closed must not hide the exit code.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(ParseError::Clash(clash)) => return fail(&clash.into()),
    };
    match carry_out(name, job, invocation) {
        Ok(code) => code,
        Err(error) => fail(&error),
    }
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {}", report::causes(error.as_ref()));
    ExitCode::FAILURE
}

fn carry_out<A>(name: &str, job: fn(&Environment, A) -> Result<()>, invocation: Invocation<A>) -> Result<ExitCode> {
    let Invocation { command, engine, job: args } = invocation;
    init_logging()?;
    let env = Environment::new(name);
    // Before, so that the job can ask for them; and after, since the command line has the last word.
    engine.configure(&env);
    job(&env, args)?;
    engine.configure(&env);
    if env.checkpointing().is_none()
        && let Some(flag) = engine.checkpoints.stray()
    {
        anyhow::bail!("{flag} needs a place for checkpoints: name one with --checkpoint-dir");
    }
    if env.state_backend() == StateBackend::Heap
        && let Some(flag) = engine.state.stray()
    {
        anyhow::bail!("{flag} is of use with --state-backend rocksdb only");
    }
    match command {
        Command::Plan(format) => {
            let plan = env.plan()?;
            let text = match format {
                PlanFormat::Text => plan.to_text(),
                PlanFormat::Dot => plan.to_dot(),
                PlanFormat::Mermaid => plan.to_mermaid(),
            };
            print!("{text}");
        }
        Command::Check => {
            blame::install_hook();
            let check = env.build()?.check_restore()?;
            print!("{check}");
            if !check.can_go_on() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Run => {
            let job = env.build()?;
            blame::install_hook();
            if let Some(address) = engine.metrics {
                eprintln!("metrics: http://{}/metrics", serve_metrics(address)?);
            }
            signals::listen(job.handle())?;
            let summary = if engine.no_progress { job.run() } else { job.show_progress().run() }?;
            eprintln!("{summary}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
