//! A cluster in memory that coordinates transactions as Kafka does: states and epochs as a broker was seen to have them.

use std::collections::BTreeMap;

use super::{Coordinator, Described, Ended, Producer, State};

/// The process has died, or the cluster does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no answer")]
pub(super) struct NoAnswer;

#[derive(Debug)]
struct Entry {
    producer: Producer,
    state: State,
    /// What is written and not committed.
    written: Vec<u64>,
}

/// The cluster, and when it is to fail.
#[derive(Debug, Default)]
pub(super) struct FakeCluster {
    ids: BTreeMap<String, Entry>,
    /// All that a reader of committed records sees.
    pub(super) visible: Vec<u64>,
    /// How many steps are taken before one fails; the step's effect is there if the flag is set.
    pub(super) fuse: Option<(usize, bool)>,
}

impl FakeCluster {
    /// Takes a step that may be the last of a process.
    pub(super) fn step<T>(&mut self, effect: impl FnOnce(&mut Self) -> T) -> Result<T, NoAnswer> {
        match &mut self.fuse {
            Some((0, has_effect)) => {
                if *has_effect {
                    effect(self);
                }
                self.fuse = None;
                Err(NoAnswer)
            }
            fuse => {
                if let Some((left, _)) = fuse {
                    *left -= 1;
                }
                Ok(effect(self))
            }
        }
    }

    fn bump(&mut self, id: &str, state: State) -> Producer {
        let number = self.ids.len() as i64;
        let fresh = Entry { producer: Producer { id: number, epoch: -1 }, state, written: Vec::new() };
        let entry = self.ids.entry(id.to_owned()).or_insert(fresh);
        entry.producer.epoch += 1;
        entry.state = state;
        entry.written.clear();
        entry.producer
    }

    /// What a client does before its first transaction.
    pub(super) fn init(&mut self, id: &str) -> Result<Producer, NoAnswer> {
        self.step(|cluster| {
            if cluster.is_open(id) {
                cluster.bump(id, State::Aborted);
            }
            cluster.bump(id, State::Empty)
        })
    }

    /// Writes a record in a transaction, which its first record begins. Whether it was taken.
    pub(super) fn write(&mut self, id: &str, producer: Producer, value: u64) -> Result<bool, NoAnswer> {
        self.step(|cluster| {
            let entry = cluster.ids.get_mut(id).expect("an id that was initialized");
            let taken = entry.producer == producer;
            if taken {
                entry.state = State::Ongoing;
                entry.written.push(value);
            }
            taken
        })
    }

    /// Lets all open transactions come to the end of their time.
    pub(super) fn expire(&mut self) {
        let open: Vec<String> = self.ids.keys().filter(|id| self.is_open(id)).cloned().collect();
        for id in open {
            self.bump(&id, State::Aborted);
        }
    }

    fn is_open(&self, id: &str) -> bool {
        self.ids.get(id).is_some_and(|entry| entry.state == State::Ongoing)
    }

    /// How many transactions are open.
    pub(super) fn open(&self) -> usize {
        self.ids.keys().filter(|id| self.is_open(id)).count()
    }

    /// How many ids there are.
    pub(super) fn known(&self) -> usize {
        self.ids.len()
    }
}

impl Coordinator for FakeCluster {
    type Error = NoAnswer;

    fn commit(&mut self, id: &str, producer: Producer) -> Result<Ended, NoAnswer> {
        self.step(|cluster| {
            let Some(entry) = cluster.ids.get_mut(id) else { return Ended::Refused("no such id".to_owned()) };
            match entry.state {
                _ if entry.producer != producer => Ended::Refused("fenced".to_owned()),
                State::Ongoing | State::Committed => {
                    entry.state = State::Committed;
                    let written = std::mem::take(&mut entry.written);
                    cluster.visible.extend(written);
                    Ended::Committed
                }
                State::Empty | State::Aborted => Ended::Refused("no transaction".to_owned()),
            }
        })
    }

    fn describe(&mut self, id: &str) -> Result<Option<Described>, NoAnswer> {
        self.step(|cluster| cluster.ids.get(id).map(|entry| Described { state: entry.state, producer: entry.producer }))
    }

    fn unfinished(&mut self, prefix: &str) -> Result<Vec<(String, State)>, NoAnswer> {
        self.step(|cluster| {
            let listed = cluster.ids.iter().filter(|(id, _)| id.starts_with(prefix));
            let listed = listed.filter(|(_, entry)| matches!(entry.state, State::Empty | State::Ongoing));
            listed.map(|(id, entry)| (id.clone(), entry.state)).collect()
        })
    }

    fn fence(&mut self, id: &str) -> Result<(), NoAnswer> {
        self.step(|cluster| {
            let state = if cluster.is_open(id) { State::Aborted } else { State::Empty };
            cluster.bump(id, state);
        })
    }

    fn advance(&mut self, id: &str) -> Result<(), NoAnswer> {
        assert!(!self.is_open(id), "{id} has an open transaction");
        self.step(|cluster| {
            cluster.bump(id, State::Empty);
        })
    }
}
