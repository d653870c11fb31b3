//! What is known of one key: its partial matches, and the matches that wait.

use std::collections::VecDeque;

use super::buffer::{MatchBuffer, NodeId};
use super::run::RunHeap;

/// A match that is to be emitted, or a partial match whose time is over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ready {
    /// Its last event; held.
    pub(super) node: NodeId,
    pub(super) time: i64,
    pub(super) is_match: bool,
}

/// The partial matches of one key.
#[derive(Debug, Clone)]
pub(crate) struct Matching<E> {
    /// The start is one of them, unless there is no other.
    pub(super) partial: RunHeap,
    /// Matches that wait until no partial match that began before them is left.
    pub(super) found: RunHeap,
    pub(super) buffer: MatchBuffer<E>,
    /// In order of being found.
    pub(super) ready: VecDeque<Ready>,
    /// How many events have been taken.
    pub(super) sequence: u64,
    /// No partial match times out before.
    pub(super) deadline: i64,
    /// The time of the last event. Events of equal times are taken as one instant: none of them ends a partial match that the
    /// first has left.
    pub(super) reached: i64,
}

impl<E> Default for Matching<E> {
    fn default() -> Self {
        Self {
            partial: RunHeap::default(),
            found: RunHeap::default(),
            buffer: MatchBuffer::default(),
            ready: VecDeque::new(),
            sequence: 0,
            deadline: i64::MAX,
            reached: i64::MIN,
        }
    }
}

impl<E> Matching<E> {
    /// Whether nothing would be lost with it.
    pub(super) fn is_vacant(&self) -> bool {
        self.partial.is_empty() && self.found.is_empty() && self.ready.is_empty()
    }
}
