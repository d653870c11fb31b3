//! Dealing the records of a batch out to several others.
//!
//! A record's target cannot be predicted, so records are first sorted by target, and then moved target by target and
//! column by column, in loops without branches.

use super::Batch;
use super::batch::Consume;

/// Which records of a run go to which target.
///
/// Invariant: the picks of all targets together are the indexes from 0 to `count`, each of them once.
#[derive(Debug, Default)]
pub(crate) struct Deal {
    /// The indexes of each target's records, rising.
    picks: Vec<Vec<u32>>,
    count: usize,
}

impl Deal {
    /// Sorts a run of records by the target of each, below `targets`.
    pub(crate) fn sort(&mut self, routes: &[u16], targets: usize) {
        self.picks.resize_with(targets, Vec::new);
        self.picks.iter_mut().for_each(Vec::clear);
        self.count = routes.len();
        for (index, route) in (0..).zip(routes) {
            self.picks[usize::from(*route)].push(index);
        }
    }

    /// The indexes of the records for a target.
    pub(crate) fn picks(&self, target: usize) -> &[u32] {
        &self.picks[target]
    }
}

impl<T> Consume<'_, T> {
    /// Moves the next records, as many as were sorted, behind those of their targets.
    pub(crate) fn deal<'b>(&mut self, deal: &Deal, targets: impl Iterator<Item = &'b mut Batch<T>>)
    where
        T: 'b,
    {
        assert!(deal.count <= self.remaining());
        let first = self.next;
        self.next += deal.count;
        let values = self.batch.values.as_ptr();
        for (picks, target) in deal.picks.iter().zip(targets) {
            self.batch.deal_columns(first, picks, target);
            let len = target.values.len();
            target.values.reserve(picks.len());
            let end = target.values.as_mut_ptr();
            for (place, pick) in picks.iter().enumerate() {
                // SAFETY: `pick` is an index of the run, which has not been taken and from here on counts as taken, and
                // each index comes once; there is room for as many values as picks behind the target's own.
                unsafe { end.add(len + place).write(values.add(first + *pick as usize).read()) };
            }
            // SAFETY: so many values have just been written.
            unsafe { target.values.set_len(len + picks.len()) };
        }
    }
}

impl<T> Batch<T> {
    /// Copies the columns other than the values of the picked records, counted from `first`, to another batch.
    fn deal_columns(&self, first: usize, picks: &[u32], target: &mut Self) {
        if !self.times.is_empty() || !target.times.is_empty() {
            target.pad_times();
            target.times.extend(picks.iter().map(|pick| self.time(first + *pick as usize)));
        }
        let hashed = target.hashes.len() == target.values.len();
        target.positions.clear();
        match self.hashes.get(first..) {
            Some(hashes) if hashed && !hashes.is_empty() => {
                target.hashes.extend(picks.iter().map(|pick| hashes[*pick as usize]));
            }
            _ => target.hashes.clear(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn deal_out(records: &mut Consume<'_, String>, routes: &[u16], targets: &mut [Batch<String>]) {
        let mut deal = Deal::default();
        deal.sort(routes, targets.len());
        records.deal(&deal, targets.iter_mut());
    }

    #[test]
    fn records_keep_their_order_and_columns_in_each_target() {
        let mut batch = Batch::new();
        for number in 0..7u64 {
            batch.push_hashed(number.to_string(), Timestamp::from_millis(number as i64), number * 10);
        }
        let mut targets = [Batch::new(), Batch::new(), Batch::new()];
        let mut records = batch.consume();
        deal_out(&mut records, &[2, 0, 2], &mut targets);
        deal_out(&mut records, &[0, 2, 2], &mut targets);
        drop(records);
        assert_eq!(batch.values(), ["6"]);
        for (target, numbers) in targets.iter().zip([vec![1, 3], vec![], vec![0, 2, 4, 5]]) {
            assert_eq!(target.values(), numbers.iter().map(u64::to_string).collect::<Vec<_>>());
            assert_eq!(target.hashes(), numbers.iter().map(|number| number * 10).collect::<Vec<_>>());
            let times = numbers.iter().map(|number| Timestamp::from_millis(*number as i64));
            assert_eq!(target.times(), times.collect::<Vec<_>>());
        }
    }

    #[test]
    fn records_with_and_without_event_time_meet() {
        let mut target = [Batch::new()];
        let mut timed = Batch::new();
        timed.push_at("timed".to_owned(), Timestamp::from_millis(5));
        let mut bare = Batch::new();
        bare.push("bare".to_owned());
        for batch in [&mut bare.clone(), &mut timed, &mut bare] {
            deal_out(&mut batch.consume(), &[0], &mut target);
        }
        assert_eq!(target[0].values(), ["bare", "timed", "bare"]);
        assert_eq!(target[0].times(), [Timestamp::MIN, Timestamp::from_millis(5), Timestamp::MIN]);
    }
}
