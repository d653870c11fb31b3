//! The engine's own flags.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::checkpoints::CheckpointArgs;
use super::origins::CONFIG;
use super::state::StateArgs;
use crate::state::MAX_KEY_GROUPS;
use crate::stream::{Environment, RuntimeMode};

/// What every job can be told. The ids have a prefix, so that fields of the job's arguments can have any name.
#[derive(Args, Debug, Clone, PartialEq, Eq)]
#[group(skip)]
pub(crate) struct EngineArgs {
    /// How many subtasks each operator has unless it says otherwise
    #[arg(id = "millstream.parallelism", long = "parallelism", short = 'p', value_name = "N", value_parser = parallelism)]
    pub(crate) parallelism: Option<usize>,

    /// The number of key groups: no operator can have more subtasks, and a snapshot fixes it
    #[arg(id = "millstream.max_parallelism", long = "max-parallelism", value_name = "N", value_parser = parallelism)]
    pub(crate) max_parallelism: Option<usize>,

    /// What the job is called in logs and metrics
    #[arg(id = "millstream.job_name", long = "job-name", value_name = "NAME")]
    pub(crate) job_name: Option<String>,

    /// Serve metrics to Prometheus on this address; port 0 takes a free one
    #[arg(id = "millstream.metrics", long = "metrics", value_name = "HOST:PORT", value_parser = address)]
    pub(crate) metrics: Option<SocketAddr>,

    /// Take values that are not given otherwise from this TOML file, whose keys are flags without their dashes
    #[arg(id = CONFIG, long = "config", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Give results as records come (`streaming`), or only final ones at the end of the input (`batch`)
    #[arg(id = "millstream.runtime_mode", long = "runtime-mode", value_name = "MODE")]
    pub(crate) runtime_mode: Option<RuntimeMode>,

    /// Show no progress line on a terminal
    #[arg(id = "millstream.no_progress", long = "no-progress")]
    pub(crate) no_progress: bool,

    /// Give every operator subtasks of its own, to find out which of them is slow
    #[arg(id = "millstream.disable_chaining", long = "disable-chaining")]
    pub(crate) disable_chaining: bool,

    #[command(flatten)]
    pub(crate) checkpoints: CheckpointArgs,

    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// How `plan` writes the graph.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PlanFormat {
    /// An indented list
    Text,
    /// For Graphviz
    Dot,
    /// A flowchart for Markdown
    Mermaid,
}

impl EngineArgs {
    /// Sets what was said on the command line.
    pub(crate) fn configure(&self, env: &Environment) {
        if let Some(parallelism) = self.parallelism {
            env.set_parallelism(parallelism);
        }
        if let Some(max_parallelism) = self.max_parallelism {
            env.set_max_parallelism(max_parallelism);
        }
        if let Some(name) = &self.job_name {
            env.set_name(name);
        }
        if let Some(mode) = self.runtime_mode {
            env.set_runtime_mode(mode);
        }
        if self.disable_chaining {
            env.disable_chaining();
        }
        self.checkpoints.configure(env);
        self.state.configure(env);
    }
}

fn parallelism(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_KEY_GROUPS).contains(number));
    number.ok_or_else(|| format!("write a number from 1 to {MAX_KEY_GROUPS}"))
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let form = "write HOST:PORT, such as 127.0.0.1:9249";
    let mut addresses = text.to_socket_addrs().map_err(|error| format!("{error}: {form}"))?;
    addresses.next().ok_or_else(|| format!("the host has no address: {form}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parallelism_fits_the_key_groups() {
        assert_eq!(parallelism("4"), Ok(4));
        assert_eq!(parallelism("32768"), Ok(32768));
        for wrong in ["0", "32769", "-1", "many"] {
            assert_eq!(parallelism(wrong).unwrap_err(), "write a number from 1 to 32768");
        }
    }

    #[test]
    fn an_address_is_a_host_and_a_port() {
        assert_eq!(address("127.0.0.1:0").unwrap().port(), 0);
        assert!(address("[::1]:9249").unwrap().is_ipv6());
        for wrong in ["9249", "127.0.0.1", "127.0.0.1:port"] {
            let message = address(wrong).unwrap_err();
            assert!(message.contains("such as 127.0.0.1:9249"), "{message}");
        }
    }
}
