//! What the workloads read: functions of a record's index, so that both sides of a workload read the same.

use std::sync::LazyLock;

/// Records per second of event time.
pub const RECORDS_PER_SECOND: u64 = 1_000_000;
/// Keys of the windowed workloads.
pub const WINDOW_KEYS: u64 = 10_000;
/// Words in the vocabulary.
const WORDS: u64 = 10_000;
/// Words in a line.
pub const WORDS_PER_LINE: u64 = 10;
/// The keys of [`burst`] take turns in so many cohorts.
const COHORTS: u64 = 4;

/// A record of the windowed workloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// Whose event it is.
    pub key: u64,
    /// When it was, in event time.
    pub millis: i64,
}

/// A random-looking word for each index: the finaliser of `SplitMix64` (Steele, Lea and Flood, OOPSLA 2014).
#[inline(always)]
pub fn scatter(index: u64) -> u64 {
    let word = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// A random-looking number below `limit` for each index.
#[inline(always)]
pub fn below(limit: u64, index: u64) -> u64 {
    ((u128::from(scatter(index)) * u128::from(limit)) >> 64) as u64
}

/// Events of keys drawn evenly, in order of time.
#[inline(always)]
pub fn event(index: u64) -> Event {
    Event { key: below(WINDOW_KEYS, index), millis: millis(index) }
}

/// Events whose keys come in bursts, in order of time.
///
/// The keys form four cohorts; in each second two of them are active, and a cohort stays active for two seconds and
/// silent for two, so that a session gap of one second cuts its events into bursts.
#[inline(always)]
pub fn burst(index: u64) -> Event {
    let second = index / RECORDS_PER_SECOND;
    let draw = below(WINDOW_KEYS / 2, index);
    let cohort = (second + draw % 2) % COHORTS;
    Event { key: draw / 2 * COHORTS + cohort, millis: millis(index) }
}

#[inline(always)]
fn millis(index: u64) -> i64 {
    (index / (RECORDS_PER_SECOND / 1000)) as i64
}

/// A line of words drawn evenly from the vocabulary.
pub fn line(index: u64) -> String {
    let mut line = String::with_capacity(100);
    for place in 0..WORDS_PER_LINE {
        if place > 0 {
            line.push(' ');
        }
        line.push_str(&VOCABULARY[below(WORDS, index * WORDS_PER_LINE + place) as usize]);
    }
    line
}

/// Distinct words of three to twelve letters.
static VOCABULARY: LazyLock<Vec<String>> = LazyLock::new(|| {
    let letters = b"etaoinshrdlucmfwypvbgkjqxz";
    (0..WORDS)
        .map(|number| {
            let mut draws = scatter(number);
            let mut left = number;
            let mut word = String::new();
            // The first three letters spell the number, so that no word comes twice.
            for _ in 0..3 {
                word.push(char::from(letters[(left % 26) as usize]));
                left /= 26;
            }
            for _ in 0..draws % 10 {
                draws /= 26;
                word.push(char::from(letters[(draws % 26) as usize]));
            }
            word
        })
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn words_are_distinct_and_lines_have_ten() {
        let distinct: BTreeSet<&String> = VOCABULARY.iter().collect();
        assert_eq!(distinct.len() as u64, WORDS);
        assert!(distinct.iter().all(|word| (3..=12).contains(&word.len())));
        assert_eq!(line(7).split(' ').count() as u64, WORDS_PER_LINE);
        assert_ne!(line(7), line(8));
    }

    #[test]
    fn every_burst_of_a_key_is_followed_by_a_gap() {
        let mut times: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        for index in 0..8 * RECORDS_PER_SECOND {
            let event = burst(index);
            if event.key < 8 {
                times.entry(event.key).or_default().push(event.millis);
            }
        }
        assert_eq!(times.len(), 8);
        for times in times.values() {
            let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap >= 1000).collect();
            assert!((1..=2).contains(&gaps.len()) && gaps.iter().all(|gap| *gap > 1900), "{gaps:?}");
        }
    }

    #[test]
    fn a_second_holds_as_many_records_as_it_says() {
        assert_eq!(event(RECORDS_PER_SECOND - 1).millis, 999);
        assert_eq!(event(RECORDS_PER_SECOND).millis, 1000);
    }
}
