//! Which transactional id a writer takes for its next transaction.

use std::collections::VecDeque;

/// By how much at least the epoch of an id is higher when it is taken for another transaction. A timeout moves an epoch by one,
/// and another client that takes the id over by two.
pub(in crate::kafka) const REUSE_STRIDE: i32 = 3;

/// The ids under which a writer has prepared output. They are taken again, so that the cluster has to remember few: with
/// checkpoints that complete in time, three or four for each writer.
#[derive(Debug, Default)]
pub(in crate::kafka) struct Pool {
    /// Each with the number of the checkpoint that it was last prepared for, counted by the writer; the lowest first.
    used: VecDeque<(u64, String)>,
}

impl Pool {
    /// Output was prepared under an id, for the checkpoint with this number.
    pub(in crate::kafka) fn prepared(&mut self, checkpoint: u64, id: String) {
        self.used.push_back((checkpoint, id));
    }

    /// An id that the latest complete snapshot does not describe, given how many of the first checkpoints it does not. None, if
    /// there is no such id: then take a new one.
    pub(in crate::kafka) fn take(&mut self, released: u64) -> Option<String> {
        self.used.pop_front_if(|(checkpoint, _)| *checkpoint < released).map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_again_once_no_restart_may_ask_for_it() {
        let mut pool = Pool::default();
        assert_eq!(pool.take(9), None);
        pool.prepared(0, "a".to_owned());
        pool.prepared(2, "b".to_owned());
        assert_eq!(pool.take(0), None);
        assert_eq!(pool.take(2).as_deref(), Some("a"));
        assert_eq!(pool.take(2), None);
        assert_eq!(pool.take(3).as_deref(), Some("b"));
    }
}
