//! Which rows to look at for what is over, a few with each watermark.
//!
//! Rows of keys that come again are tidied up then; the sweep is for the others. While event time goes on by the span
//! of a record's life, each row is looked at once, so a row costs no more looks than it has had records, nearly.

/// More rows are not looked at in one go.
const MOST: usize = 1 << 16;

/// A hand that goes round the rows.
#[derive(Debug)]
pub(super) struct Sweep {
    /// The watermark up to which looks have been counted.
    reached: i64,
    /// How many looks are still to be taken; a fraction is kept.
    owed: f64,
    hand: usize,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { reached: i64::MIN, owed: 0.0, hand: 0 }
    }
}

impl Sweep {
    /// The rows among `count` to look at when event time has reached `watermark`; a round takes `span` milliseconds.
    pub(super) fn rows(&mut self, watermark: i64, span: i64, count: usize) -> impl Iterator<Item = u32> + use<> {
        let passed = watermark.saturating_sub(self.reached).max(0);
        self.reached = self.reached.max(watermark);
        let rounds = passed as f64 / span.max(1) as f64;
        self.owed = (self.owed + rounds * count as f64).min(count as f64);
        let looks = (self.owed as usize).min(MOST);
        self.owed -= looks as f64;
        let first = if self.hand < count { self.hand } else { 0 };
        self.hand = (first + looks) % count.max(1);
        (first..first + looks).map(move |row| (row % count) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_looked_at_once_in_a_span() {
        let mut sweep = Sweep::default();
        assert_eq!(sweep.rows(0, 100, 10).count(), 10, "the first watermark may have passed anything");
        let looks: Vec<u32> = (1..=100).flat_map(|watermark| sweep.rows(watermark, 100, 10)).collect();
        assert!((9..=10).contains(&looks.len()), "{looks:?}");
        assert!(looks.iter().zip(0..).all(|(look, row)| *look == row));
    }

    #[test]
    fn a_great_leap_is_worked_off_in_parts() {
        let mut sweep = Sweep::default();
        let count = 2 * MOST + 10;
        let looks: Vec<usize> = (0..4).map(|watermark| sweep.rows(watermark, 1 << 40, count).count()).collect();
        assert_eq!(looks, [MOST, MOST, 10, 0]);
    }

    #[test]
    fn there_may_be_no_rows() {
        assert_eq!(Sweep::default().rows(i64::MAX, 0, 0).count(), 0);
    }
}
