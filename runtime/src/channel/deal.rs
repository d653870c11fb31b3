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

impl<T> Consume<'_, T> {
    /// Moves the next records behind those of two targets, by the route of each, 0 or 1.
    ///
    /// In one pass, without a branch: each record is written to both, and only one of them counts it.
    pub(crate) fn deal_to_two(&mut self, routes: &[u16], targets: [&mut Batch<T>; 2]) {
        assert!(routes.len() <= self.remaining());
        let from = self.next;
        self.next += routes.len();
        let until = self.next;
        let [first, second] = targets;
        let timed = !self.batch.times.is_empty();
        let hashed = !self.batch.hashes.is_empty();
        for target in [&mut *first, &mut *second] {
            target.positions.clear();
            if !hashed || target.hashes.len() != target.values.len() {
                target.hashes.clear();
            }
            if timed || !target.times.is_empty() {
                target.pad_times();
            }
        }
        if timed {
            let times = &self.batch.times[from..until];
            // SAFETY: there are as many times as routes, and times may be copied.
            unsafe { split(times.as_ptr(), routes, &mut first.times, &mut second.times) };
        }
        if hashed {
            let hashes = &self.batch.hashes[from..until];
            let both = [&*first, &*second].map(|target| target.hashes.len() == target.values.len());
            // SAFETY: there are as many hashes as routes, and hashes may be copied.
            unsafe { split(hashes.as_ptr(), routes, &mut first.hashes, &mut second.hashes) };
            for (target, kept) in [&mut *first, &mut *second].into_iter().zip(both) {
                if !kept {
                    target.hashes.clear();
                }
            }
        }
        // SAFETY: there are as many values as routes by the assertion, and from here on they count as taken.
        unsafe { split(self.batch.values.as_ptr().add(from), routes, &mut first.values, &mut second.values) };
        if !timed {
            for target in [first, second] {
                if !target.times.is_empty() {
                    target.pad_times();
                }
            }
        }
    }
}

/// Moves values behind those of two vectors.
///
/// # Safety
/// There must be a value at `from` for each route, and none of them may be used afterwards unless it can be copied.
unsafe fn split<C>(from: *const C, routes: &[u16], first: &mut Vec<C>, second: &mut Vec<C>) {
    // One more than the most that is counted, since what the other gets is written here, too.
    first.reserve(routes.len() + 1);
    second.reserve(routes.len() + 1);
    let (first_len, second_len) = (first.len(), second.len());
    // SAFETY: both stand within the reserved memory.
    let (to_first, to_second) = unsafe { (first.as_mut_ptr().add(first_len), second.as_mut_ptr().add(second_len)) };
    let mut to_the_second = 0;
    for (index, route) in routes.iter().enumerate() {
        // SAFETY: there is a value for each route. At most `index` values have been counted in each vector, so that both
        // places are within the reserved memory.
        unsafe {
            let value = from.add(index);
            std::ptr::copy_nonoverlapping(value, to_first.add(index - to_the_second), 1);
            std::ptr::copy_nonoverlapping(value, to_second.add(to_the_second), 1);
        }
        to_the_second += usize::from(*route);
    }
    let to_the_second = to_the_second.min(routes.len());
    // SAFETY: so many values have been written one behind the other, each of them to one of the two.
    unsafe {
        first.set_len(first_len + routes.len() - to_the_second);
        second.set_len(second_len + to_the_second);
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
    fn two_targets_get_what_any_number_would() {
        for timed in [false, true] {
            for run in 1..5 {
                let mut batch = Batch::new();
                for number in 0..20u64 {
                    let time = if timed { Timestamp::from_millis(number as i64) } else { Timestamp::MIN };
                    batch.push_hashed(number.to_string(), time, number * 10);
                }
                let mut sorted = [Batch::new(), Batch::new()];
                let [mut first, mut second] = [Batch::new(), Batch::new()];
                let routes: Vec<u16> = (0..20).map(|number| u16::from(number % 3 == 0 || number > 14)).collect();
                let mut same = batch.clone();
                for routes in routes.chunks(run) {
                    deal_out(&mut batch.consume(), routes, &mut sorted);
                    same.consume().deal_to_two(routes, [&mut first, &mut second]);
                }
                for (expected, target) in sorted.iter().zip([first, second]) {
                    assert_eq!(target.values(), expected.values());
                    assert_eq!(target.hashes(), expected.hashes());
                    assert_eq!(target.times(), expected.times());
                }
            }
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
