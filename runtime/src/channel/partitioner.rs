//! Which subtask a record goes to.

use std::sync::Arc;

use super::Batch;
use super::batch::fill_column;
use crate::state::KeyGroup;

/// How the records of an edge are spread over the receiving subtasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Partitioning {
    /// To the subtask with the sender's index; needs equal parallelism, and lets operators be chained.
    Forward,
    /// By the key's hash.
    Hash,
    /// Around all subtasks, record by record.
    Rebalance,
    /// Around the subtasks that fall to this sender if senders and receivers are lined up: local where they can be.
    Rescale,
    /// To a random subtask.
    Shuffle,
    /// To every subtask.
    Broadcast,
    /// All to the first subtask.
    Global,
    /// By the user's function.
    Custom,
}

impl Partitioning {
    /// Whether a barrier may overtake the records of such an edge: each can be routed anew when restored.
    pub(crate) fn may_be_overtaken(self) -> bool {
        matches!(self, Self::Hash | Self::Rebalance)
    }

    /// The receivers that a sender is connected to.
    pub(crate) fn targets(self, sender: usize, senders: usize, receivers: usize) -> Vec<usize> {
        match self {
            Self::Forward => vec![sender],
            Self::Global => vec![0],
            Self::Rescale if receivers >= senders => {
                (sender * receivers / senders..(sender + 1) * receivers / senders).collect()
            }
            Self::Rescale => vec![sender * receivers / senders],
            Self::Hash | Self::Rebalance | Self::Shuffle | Self::Broadcast | Self::Custom => (0..receivers).collect(),
        }
    }
}

impl std::fmt::Display for Partitioning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Forward => "forward",
            Self::Hash => "hash",
            Self::Rebalance => "rebalance",
            Self::Rescale => "rescale",
            Self::Shuffle => "shuffle",
            Self::Broadcast => "broadcast",
            Self::Global => "global",
            Self::Custom => "custom",
        })
    }
}

/// Computes the hashes of a batch's keys.
pub(crate) type HashBatch<T> = Arc<dyn Fn(&mut Batch<T>) + Send + Sync>;
/// Picks a target among so many for a record.
pub(crate) type PickTarget<T> = Arc<dyn Fn(&T, usize) -> usize + Send + Sync>;

/// The rule of one edge, for records of type `T`.
pub(crate) enum Rule<T> {
    /// One of the kinds that do not look at the record.
    Blind(Partitioning),
    Hash(HashBatch<T>),
    Custom(PickTarget<T>),
}

impl<T> Clone for Rule<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Blind(kind) => Self::Blind(*kind),
            Self::Hash(hash) => Self::Hash(Arc::clone(hash)),
            Self::Custom(pick) => Self::Custom(Arc::clone(pick)),
        }
    }
}

impl<T> Rule<T> {
    pub(crate) fn kind(&self) -> Partitioning {
        match self {
            Self::Blind(kind) => *kind,
            Self::Hash(_) => Partitioning::Hash,
            Self::Custom(_) => Partitioning::Custom,
        }
    }
}

/// Routes the batches of one sender.
pub(crate) struct Router<T> {
    rule: Rule<T>,
    targets: usize,
    /// The owner of each key group, for hash edges.
    owners: Vec<u16>,
    /// Where round robin stands, or the state of the random sequence.
    next: u64,
}

impl<T> Router<T> {
    pub(crate) fn new(rule: Rule<T>, sender: usize, targets: usize, max_parallelism: usize) -> Self {
        let owners = match rule {
            Rule::Hash(_) => (0..max_parallelism)
                .map(|group| KeyGroup(group as u16).owner(targets, max_parallelism) as u16)
                .collect(),
            _ => Vec::new(),
        };
        // Senders begin at different targets, so that short inputs spread too.
        let next = match rule {
            Rule::Blind(Partitioning::Shuffle) => 0x9e37_79b9_7f4a_7c15 ^ (sender as u64 + 1),
            _ => (sender % targets.max(1)) as u64,
        };
        Self { rule, targets, owners, next }
    }

    pub(crate) fn kind(&self) -> Partitioning {
        self.rule.kind()
    }

    /// Computes what the receiver needs to know of the keys, and forgets hashes of another key.
    pub(crate) fn prepare(&self, batch: &mut Batch<T>) {
        match &self.rule {
            Rule::Hash(hash) => hash(batch),
            _ => batch.forget_hashes(),
        }
    }

    /// The target of each record of a prepared batch. Not for broadcast.
    pub(crate) fn route(&mut self, batch: &Batch<T>, routes: &mut Vec<u16>) {
        routes.clear();
        match &self.rule {
            Rule::Hash(_) => {
                let groups = self.owners.len();
                routes.extend(
                    batch.hashes().iter().map(|hash| self.owners[usize::from(KeyGroup::of_hash(*hash, groups).0)]),
                );
            }
            Rule::Custom(pick) => {
                let targets = self.targets;
                *routes = fill_column(batch, std::mem::take(routes), |batch, routes| {
                    for value in batch.values() {
                        routes.push((pick(value, targets) % targets) as u16);
                    }
                });
            }
            Rule::Blind(Partitioning::Shuffle) => {
                for _ in 0..batch.len() {
                    routes.push((xorshift(&mut self.next) % self.targets as u64) as u16);
                }
            }
            Rule::Blind(_) => {
                for _ in 0..batch.len() {
                    routes.push(self.next as u16);
                    self.next = (self.next + 1) % self.targets as u64;
                }
            }
        }
    }
}

/// Marsaglia's xorshift64 (Journal of Statistical Software 8(14), 2003): spreads load, needs no seed from outside.
fn xorshift(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescale_reaches_every_receiver_from_some_sender() {
        for senders in 1..7 {
            for receivers in 1..7 {
                let mut reached: Vec<usize> =
                    (0..senders).flat_map(|sender| Partitioning::Rescale.targets(sender, senders, receivers)).collect();
                reached.sort_unstable();
                reached.dedup();
                if receivers >= senders {
                    assert_eq!(reached, (0..receivers).collect::<Vec<_>>());
                }
                assert!(reached.iter().all(|target| *target < receivers));
            }
        }
    }

    #[test]
    fn rebalance_and_shuffle_spread_evenly() {
        let mut batch = Batch::new();
        (0..10_000).for_each(|value| batch.push(value));
        for kind in [Partitioning::Rebalance, Partitioning::Shuffle] {
            let mut router = Router::new(Rule::Blind(kind), 1, 4, 128);
            let mut routes = Vec::new();
            router.route(&batch, &mut routes);
            for target in 0..4 {
                let count = routes.iter().filter(|route| **route == target).count();
                assert!((2300..2700).contains(&count), "{kind}: {count} of 2500");
            }
        }
    }
}
