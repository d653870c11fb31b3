//! How a key's row is written down and taken back.
//!
//! States and stages are written by name, so that a pattern may get further ones. A partial match in a state that is no
//! longer there is an error.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::buffer::{EventId, MatchBuffer, NO_NODE, NodeId, Packed};
use super::matching::{Matching, Ready};
use super::nfa::Nfa;
use super::row::{KeyRow, Row};
use super::run::{Run, RunHeap};
use crate::data::Data;
use crate::state::{ExpiryFilters, RowCodec, StateError, decode, encode};
use crate::time::{Clock, Timestamp};

const WHAT: &str = "what is kept of a key's pattern";

/// Writes and reads the rows of a pattern.
pub(super) struct PatternCodec<E>(pub(super) Arc<Nfa<E>>);

impl<E> Clone for PatternCodec<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A row as it is written: `E` is the event, or a reference to it.
#[derive(Serialize, Deserialize)]
struct Stored<E> {
    armed: i64,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<(i64, E)>,
    sequence: u64,
    /// The time of the last event, if others of that time wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reached: Option<i64>,
    /// The names that states and stages are written by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    names: Vec<String>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    events: Vec<(u64, E)>,
    /// Event, stage, and predecessor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    nodes: Vec<(EventId, u16, NodeId)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    partial: Vec<StoredRun>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    found: Vec<StoredRun>,
    /// Node, time, and whether it is a match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ready: Vec<(NodeId, i64, bool)>,
}

/// State, node, place of the first event, time of the first and of the last.
type StoredRun = (u16, NodeId, u64, i64, i64);

/// Numbers for names.
#[derive(Default)]
struct Names<'a> {
    numbers: HashMap<&'a str, u16>,
    names: Vec<String>,
}

impl<'a> Names<'a> {
    fn number(&mut self, name: &'a str) -> u16 {
        *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name.to_owned());
            (self.names.len() - 1) as u16
        })
    }
}

impl<E: Data> RowCodec for PatternCodec<E> {
    type Row = Row<E>;

    fn blank(&self) -> Row<E> {
        None
    }

    fn is_written(&self, row: &Row<E>, _now: Timestamp) -> bool {
        row.as_ref().is_some_and(|row| !row.is_vacant())
    }

    fn encode(&self, row: &Row<E>, _now: Timestamp, to: &mut Vec<u8>) -> Result<(), StateError> {
        row.iter().try_for_each(|row| encode(&self.stored(row), to))
    }

    fn decode(&self, row: &mut Row<E>, _now: Timestamp, from: &mut &[u8]) -> Result<(), StateError> {
        let stored: Stored<E> = decode(from, WHAT)?;
        *row = Some(Arc::new(self.row(stored)?));
        Ok(())
    }

    fn expiry_filters(&self, _clock: Arc<dyn Clock>) -> Option<ExpiryFilters> {
        None
    }
}

impl<E: Data> PatternCodec<E> {
    fn stored<'a>(&'a self, row: &'a KeyRow<E>) -> Stored<&'a E> {
        let graph = &self.0.graph;
        let Matching { partial, found, buffer, ready, sequence, .. } = &row.matching;
        let Packed { events, mut nodes, numbers } = buffer.packed();
        let mut names = Names::default();
        for (_, stage, _) in &mut nodes {
            *stage = names.number(&graph.stages[usize::from(*stage)]);
        }
        let number = |node: NodeId| numbers.get(node as usize).copied().unwrap_or(NO_NODE);
        let mut runs = |heap: &RunHeap| -> Vec<StoredRun> {
            let run = |run: &Run| {
                let state = names.number(&graph.states[usize::from(run.state)].name);
                (state, number(run.node), run.first, run.first_time, run.last_time)
            };
            heap.as_slice().iter().map(run).collect()
        };
        Stored {
            armed: row.armed,
            waiting: row.waiting.iter().map(|(time, event)| (*time, event)).collect(),
            sequence: *sequence,
            reached: row.waiting.iter().any(|(time, _)| *time == row.matching.reached).then_some(row.matching.reached),
            partial: runs(partial),
            found: runs(found),
            ready: ready.iter().map(|ready| (number(ready.node), ready.time, ready.is_match)).collect(),
            names: names.names,
            events,
            nodes,
        }
    }

    fn row(&self, stored: Stored<E>) -> Result<KeyRow<E>, StateError> {
        let Stored { armed, waiting, sequence, reached, names, events, mut nodes, partial, found, ready } = stored;
        let graph = &self.0.graph;
        let gone = |what, number: u16| {
            let name = names.get(usize::from(number)).map_or("", String::as_str);
            StateError::decode(WHAT, &format!("the pattern has no {what} `{name}` any more"))
        };
        let known = |number: u16| names.get(usize::from(number)).map(String::as_str);
        for (_, stage, _) in &mut nodes {
            let position = graph.stages.iter().position(|name| known(*stage) == Some(name));
            *stage = position.ok_or_else(|| gone("stage", *stage))? as u16;
        }
        let damaged = || StateError::decode(WHAT, &"it refers to events that are not there");
        let mut buffer = MatchBuffer::unpacked(events, &nodes).ok_or_else(damaged)?;
        let count = nodes.len();
        let mut hold = |node: NodeId| {
            if node != NO_NODE && node as usize >= count {
                return Err(damaged());
            }
            buffer.hold(node);
            Ok(node)
        };
        let mut deadline = i64::MAX;
        let mut runs = |stored: Vec<StoredRun>, is_waiting: bool| -> Result<RunHeap, StateError> {
            let run = |(state, node, first, first_time, last_time): StoredRun| {
                let position = graph.states.iter().position(|other| known(state) == Some(&other.name));
                let state = position.ok_or_else(|| gone("state", state))? as u16;
                let run = Run { state, node: hold(node)?, first, first_time, last_time };
                if is_waiting {
                    deadline = deadline.min(self.0.deadline(&run));
                }
                Ok(run)
            };
            stored.into_iter().map(run).collect()
        };
        let (partial, found) = (runs(partial, true)?, runs(found, false)?);
        let ready = ready.into_iter().map(|(node, time, is_match)| Ok(Ready { node: hold(node)?, time, is_match }));
        let ready = ready.collect::<Result<_, StateError>>()?;
        let reached = reached.unwrap_or(i64::MIN);
        let matching = Matching { partial, found, buffer, ready, sequence, deadline, reached };
        Ok(KeyRow { waiting: waiting.into(), is_sorted: false, matching, armed })
    }
}
