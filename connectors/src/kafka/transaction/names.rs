//! Transactional ids, and whose they are.

use std::hash::{BuildHasher, RandomState};

use millstream::channel::hash::stable_hash;

/// What all ids begin with, unless the sink says otherwise.
const DEFAULT_PREFIX: &str = "millstream";

/// The ids that a start of a sink answers for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::kafka) struct Scope {
    prefix: String,
    /// Run and sink, as a hash of the kind that is the same in every build.
    run: String,
    /// Whether ids of other runs with the same prefix belong to it, too.
    all_runs: bool,
}

impl Scope {
    /// The ids of a sink of a run; of all runs, if `prefix` is given.
    pub(in crate::kafka) fn new(prefix: Option<&str>, run: &str, sink: &str) -> Self {
        let run = format!("{:016x}", stable_hash(&(run, sink)));
        Self { prefix: prefix.unwrap_or(DEFAULT_PREFIX).to_owned(), run, all_runs: prefix.is_some() }
    }

    /// What all of its ids begin with, though others may do so, too.
    pub(in crate::kafka) fn beginning(&self) -> String {
        if self.all_runs { format!("{}-", self.prefix) } else { format!("{}-{}-", self.prefix, self.run) }
    }

    /// Whether an id is one of these.
    pub(in crate::kafka) fn contains(&self, id: &str) -> bool {
        let Some(rest) = id.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('-')) else { return false };
        // A longer prefix may begin with this one.
        let [run, subtask, writer, slot] = *rest.split('-').collect::<Vec<_>>() else { return false };
        let is_hex = |text: &str, len| text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_hex(run, 16)
            && is_number(subtask)
            && is_hex(writer, 8)
            && is_number(slot)
            && (self.all_runs || run == self.run)
    }
}

/// Makes the ids of one writer: `PREFIX-RUN-SUBTASK-WRITER-NUMBER`.
#[derive(Debug)]
pub(in crate::kafka) struct Names {
    beginning: String,
    next: u32,
}

impl Names {
    /// Ids that no other writer makes, of this or any other attempt.
    pub(in crate::kafka) fn new(scope: &Scope, subtask: usize) -> Self {
        let writer = RandomState::new().hash_one(subtask) as u32;
        Self { beginning: format!("{}-{}-{subtask}-{writer:08x}", scope.prefix, scope.run), next: 0 }
    }

    /// A new id.
    pub(in crate::kafka) fn next(&mut self) -> String {
        let id = format!("{}-{}", self.beginning, self.next);
        self.next += 1;
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_contains_the_ids_of_its_run_and_of_no_other() {
        let scope = Scope::new(None, "run", "sink");
        let id = Names::new(&scope, 3).next();
        assert!(scope.contains(&id) && id.starts_with(&scope.beginning()), "{id}");
        for other in [Scope::new(None, "another", "sink"), Scope::new(None, "run", "another")] {
            assert!(!other.contains(&id), "{other:?}");
        }
    }

    #[test]
    fn a_prefix_of_the_users_joins_runs_but_not_longer_prefixes() {
        let orders = Scope::new(Some("orders"), "run", "sink");
        let others = |prefix| Names::new(&Scope::new(Some(prefix), "another", "sink"), 0).next();
        assert!(orders.contains(&others("orders")));
        for foreign in [others("orders-eu"), others("order"), "orders-1".to_owned(), "orders".to_owned()] {
            assert!(!orders.contains(&foreign), "{foreign}");
        }
    }

    #[test]
    fn no_two_ids_are_the_same() {
        let scope = Scope::new(None, "run", "sink");
        let (mut names, mut others) = (Names::new(&scope, 0), Names::new(&scope, 0));
        let ids = [names.next(), names.next(), others.next()];
        assert!(ids[0] != ids[1] && ids[0] != ids[2], "{ids:?}");
    }
}
