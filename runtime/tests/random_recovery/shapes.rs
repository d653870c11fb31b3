//! The jobs, and what a single thread makes of the same records.

use std::collections::BTreeMap;

use millstream::cep::Pattern;
use millstream::connector::CollectSink;
use millstream::join::Offset::{After, Before};
use millstream::operator::{AsyncOptions, OnError};
use millstream::prelude::*;
use millstream::testing::Faults;
use millstream::window::{Session, Sliding, Tumbling};

use crate::operators::{
    AddUp, Ask, Buckets, BucketsOfBoth, BucketsWithSums, CountAndSum, Detour, ODD, Row, Share, Sort, begins,
    bucket_end, by_key, ends,
};
use crate::records::{DISORDER_MILLIS, RECORDS, key, millis, source, watermarks};

/// How far apart records are at most that are paired.
const NEAR_MILLIS: i64 = 60;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Steps without state over all kinds of edges, one of which waits on threads of its own.
    Stateless,
    /// Running counts, and counts of these behind a second exchange by key.
    Counts,
    /// Two sources together, and a side output.
    UnionAndSides,
    Timers,
    /// Requests whose answers come in any order, in front of timers, and in order.
    Requests,
    /// Two sources as the inputs of one operator, with keys and without.
    Connected,
    /// What one source gives, all subtasks are told that the other goes to.
    Broadcast,
    /// Records of two sources paired by time, and by window.
    Joins,
    /// Records with the version that is valid at their times, of a table that ends at times, too.
    TemporalJoins,
    /// Windows of partial sums, made by each sender and behind a salted exchange.
    PartialSums,
    /// Tumbling and sliding windows of one stream, into a sink each.
    Windows,
    Sessions,
    /// Windows that fire again for late records.
    Late,
    /// Windows whose function remembers something of their keys.
    Remembering,
    /// A pattern whose partial matches wait for long.
    Pattern,
}

impl Shape {
    pub(crate) const ALL: [Self; 15] = [
        Self::Stateless,
        Self::Counts,
        Self::UnionAndSides,
        Self::Timers,
        Self::Requests,
        Self::Connected,
        Self::Broadcast,
        Self::Joins,
        Self::TemporalJoins,
        Self::PartialSums,
        Self::Windows,
        Self::Sessions,
        Self::Late,
        Self::Remembering,
        Self::Pattern,
    ];

    /// Wires the job.
    pub(crate) fn build(self, env: &Environment, faults: &Faults, sinks: &[CollectSink<Row>; 2]) {
        let numbers = env.source(source()).uid("source");
        let [first, second] = sinks.clone();
        match self {
            Self::Stateless => {
                let tapped = numbers.map(faults.tap()).filter(|n| n % 3 != 0).rebalance().flat_map(|n| [n, n + 1]);
                let slow = tapped.clone().process_blocking("detour", Detour, 4, OnError::Fail).uid("detour");
                slow.map(|n| (n, 0, 0, 0)).sink(first).uid("first");
                let shared = tapped.broadcast().process("share", Share);
                shared.forward().map(|n| (n, 0, 0, 1)).sink(second).uid("second");
            }
            Self::Counts => {
                let counts = numbers.key_by_owned(by_key).count().uid("count").map(faults.tap());
                counts.clone().map(|(key, count)| (key, 0, count, 0)).sink(first).uid("first");
                let again = counts.key_by_owned(|(_, count)| count % 5).count().uid("count-again");
                again.map(|(class, count)| (class, 0, count, 1)).sink(second).uid("second");
            }
            Self::UnionAndSides => {
                let others = env.source(source()).uid("other-source").map(|n| n + RECORDS);
                let even = numbers.union([others]).map(faults.tap()).process("sort", Sort);
                let odd = even.side_output(ODD).key_by_owned(by_key).count().uid("count-odd");
                odd.map(|(key, count)| (key, 0, count, 0)).sink(first).uid("first");
                even.rebalance().map(|n| (n, 0, 0, 1)).sink(second).uid("second");
            }
            Self::Timers => {
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap());
                let buckets = timed.key_by_owned(by_key).process("buckets", Buckets).uid("buckets");
                buckets.clone().sink(first).uid("first");
                let full = buckets.key_by_owned(|row| row.2).count().uid("sizes");
                full.map(|(size, count)| (size, 0, count, 1)).sink(second).uid("second");
            }
            Self::Requests => {
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap());
                let unordered = Ask::options(AsyncOptions::unordered());
                let asked = timed.clone().process_async("ask", Ask::default(), unordered).uid("ask");
                let buckets = asked.key_by_owned(by_key).process("buckets", Buckets).uid("buckets");
                buckets.sink(first).uid("first");
                let ordered = Ask::options(AsyncOptions::ordered());
                let in_order = timed.rebalance().process_async("ask-in-order", Ask::default(), ordered);
                in_order.uid("ask-in-order").map(|n| (n, 0, 0, 1)).sink(second).uid("second");
            }
            Self::Connected => {
                let others = env.source(source()).uid("other-source").watermarks(watermarks(0)).uid("other-watermarks");
                let others = others.filter(|n| n % 3 == 0).map(|n| n.to_string());
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap());
                let others_by_key = others.clone().key_by_owned(|n: &String| n.parse().map_or(0, key));
                timed
                    .clone()
                    .key_by_owned(by_key)
                    .connect(others_by_key)
                    .apply(BucketsOfBoth::operator())
                    .sink(first)
                    .uid("first");
                let all = timed.connect(others.rebalance());
                all.map(|n| (n, 0, 0, 0), |n| (n.parse().unwrap_or(0), 0, 0, 1)).sink(second).uid("second");
            }
            Self::Broadcast => {
                let others = env.source(source()).uid("other-source").watermarks(watermarks(0)).uid("other-watermarks");
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap());
                let told = timed.key_by_owned(by_key).connect_broadcast(others.filter(|n| n % 5 == 0));
                told.apply(BucketsWithSums::operator()).sink(first).uid("first");
            }
            Self::Joins => {
                let others = env.source(source()).uid("other-source").watermarks(watermarks(0)).uid("other-watermarks");
                let others = others.filter(|n| n % 3 == 0).key_by_owned(by_key);
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap()).key_by_owned(by_key);
                let near = Duration::from_millis(NEAR_MILLIS as u64);
                let close = timed.clone().interval_join(others.clone()).between(Before(near), After(near));
                close.apply(|a, b| (*a, millis(*a).max(millis(*b)), *b, 0)).uid("close").sink(first).uid("first");
                let windows = timed.join(others).window(Tumbling::of(Duration::from_millis(90)));
                windows.apply(|a, b| (*a, 0, *b, 1)).uid("same-window").sink(second).uid("second");
            }
            Self::TemporalJoins => {
                let others = env.source(source()).uid("other-source").watermarks(watermarks(0)).uid("other-watermarks");
                let versions = others.filter(|n| is_version(*n)).key_by_owned(by_key);
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap()).key_by_owned(by_key);
                let all = timed.clone().temporal_join(versions.clone()).apply_left(|n, version| {
                    (n, version.map_or(-1, |version| millis(*version)), version.map_or(0, |version| *version), 0)
                });
                all.uid("all").sink(first).uid("first");
                let some = timed.temporal_join(versions).ended_by(|n| is_end(*n));
                some.apply(|n, version| (n, 0, *version, 1)).uid("some").sink(second).uid("second");
            }
            Self::PartialSums => {
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap()).key_by_owned(by_key);
                let emit = |key: &u64, window: &mut WindowContext<'_>, (count, sum), out: &mut Collector<Row>| {
                    out.emit((*key, window.start().as_millis(), count, sum));
                };
                let local = timed.clone().local_aggregation().max_partials(7).uid("partial-tumbling");
                let tumbling = local.window(Tumbling::of(Duration::from_millis(90)));
                tumbling.aggregate_with(CountAndSum, emit).uid("tumbling").sink(first).uid("first");
                let salted = timed.local_aggregation().salted(3).uid("salted-sliding");
                let sliding = salted.window(Sliding::of(Duration::from_millis(120), Duration::from_millis(40)));
                sliding.aggregate_with(CountAndSum, emit).uid("sliding").sink(second).uid("second");
            }
            Self::Windows => {
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap()).key_by_owned(by_key);
                let tumbling = timed.clone().window(Tumbling::of(Duration::from_millis(90)));
                let tumbling = tumbling.aggregate_with(CountAndSum, |key, window, (count, sum), out| {
                    out.emit((*key, window.start().as_millis(), count, sum));
                });
                tumbling.uid("tumbling").sink(first).uid("first");
                let sliding = timed.window(Sliding::of(Duration::from_millis(120), Duration::from_millis(40)));
                let sliding = sliding.aggregate_with(CountAndSum, |key, window, (count, sum), out| {
                    out.emit((*key, window.start().as_millis(), count, sum));
                });
                sliding.uid("sliding").sink(second).uid("second");
            }
            Self::Sessions => {
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").rebalance().map(faults.tap());
                let sessions = timed.key_by_owned(by_key).window(Session::gap(Duration::from_millis(100)));
                let sessions = sessions.process(|key, window, records, out| {
                    out.emit((*key, window.start().as_millis(), records.len() as u64, records.iter().sum()));
                });
                sessions.uid("sessions").sink(first).uid("first");
            }
            Self::Late => {
                let timed = numbers.watermarks(watermarks(DISORDER_MILLIS)).uid("watermarks").map(faults.tap());
                let windows = timed.key_by_owned(by_key).window(Tumbling::of(Duration::from_millis(50)));
                let windows = windows.allowed_lateness(Duration::from_millis(2 * DISORDER_MILLIS as u64));
                let counted = windows.aggregate_with(CountAndSum, |key, window, (count, _), out| {
                    out.emit((*key, window.start().as_millis(), count, window.revision().into()));
                });
                counted.uid("late").sink(first).uid("first");
            }
            Self::Remembering => {
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap()).key_by_owned(by_key);
                let windows = timed.window(Tumbling::of(Duration::from_millis(90)));
                windows.aggregate_window("add-up", CountAndSum, AddUp).uid("add-up").sink(first).uid("first");
            }
            Self::Pattern => {
                let timed = numbers.watermarks(watermarks(0)).uid("watermarks").map(faults.tap()).key_by_owned(by_key);
                let pattern = Pattern::begin("from").where_(begins).followed_by("to").where_(ends);
                let found = timed.pattern(pattern).order(u64::cmp).select(|found| {
                    let number = |stage| found.get(stage).copied().unwrap_or_default();
                    (number("from"), millis(number("to")), number("to"), 0)
                });
                found.uid("pattern").sink(first).uid("first");
            }
        }
    }

    /// What must be in the sinks at the end, sorted.
    pub(crate) fn expected(self) -> [Vec<Row>; 2] {
        let numbers = 0..RECORDS;
        let (mut first, mut second) = match self {
            Self::Stateless => {
                let all: Vec<u64> = numbers.filter(|n| n % 3 != 0).flat_map(|n| [n, n + 1]).collect();
                (all.iter().map(|n| (*n, 0, 0, 0)).collect(), all.iter().map(|n| (*n, 0, 0, 1)).collect())
            }
            Self::Counts => {
                let counts = running_counts(numbers.map(key), 0);
                let again = running_counts(counts.iter().map(|row| row.2 % 5), 1);
                (counts, again)
            }
            Self::UnionAndSides => {
                let odd = (0..2 * RECORDS).filter(|n| n % 2 == 1);
                let even = (0..2 * RECORDS).filter(|n| n % 2 == 0);
                (running_counts(odd.map(key), 0), even.map(|n| (n, 0, 0, 1)).collect())
            }
            Self::Timers => {
                let mut buckets: BTreeMap<(u64, i64), u64> = BTreeMap::new();
                for n in numbers {
                    *buckets.entry((key(n), bucket_end(n))).or_default() += 1;
                }
                let rows: Vec<Row> = buckets.into_iter().map(|((key, end), count)| (key, end, count, 0)).collect();
                let sizes = running_counts(rows.iter().map(|row| row.2), 1);
                (rows, sizes)
            }
            Self::Requests => {
                let [buckets, _] = Self::Timers.expected();
                (buckets, numbers.map(|n| (n, 0, 0, 1)).collect())
            }
            Self::Connected => {
                let mut rows: BTreeMap<(u64, i64), (u64, u64)> = BTreeMap::new();
                for n in numbers.clone() {
                    let counts = rows.entry((key(n), bucket_end(n))).or_default();
                    *counts = (counts.0 + 1, counts.1 + u64::from(n % 3 == 0));
                }
                let buckets = rows.into_iter().map(|((key, end), (left, right))| (key, end, left, right)).collect();
                let others = numbers.clone().filter(|n| n % 3 == 0).map(|n| (n, 0, 0, 1));
                (buckets, numbers.map(|n| (n, 0, 0, 0)).chain(others).collect())
            }
            Self::Broadcast => {
                let (mut counts, mut sums): (BTreeMap<(u64, i64), u64>, BTreeMap<i64, u64>) = Default::default();
                for n in numbers {
                    *counts.entry((key(n), bucket_end(n))).or_default() += 1;
                    *sums.entry(bucket_end(n)).or_default() += if n % 5 == 0 { n } else { 0 };
                }
                (counts.into_iter().map(|((key, end), count)| (key, end, count, sums[&end])).collect(), Vec::new())
            }
            Self::Joins => {
                let others = || (0..RECORDS).filter(|n| n % 3 == 0);
                let pairs = numbers.flat_map(|a| others().map(move |b| (a, b))).filter(|(a, b)| key(*a) == key(*b));
                let close = |a, b| (millis(a) - millis(b)).abs() <= NEAR_MILLIS;
                let close = pairs.clone().filter(|(a, b)| close(*a, *b));
                let together = pairs.filter(|(a, b)| millis(*a) / 90 == millis(*b) / 90);
                let close = close.map(|(a, b)| (a, millis(a).max(millis(b)), b, 0)).collect();
                (close, together.map(|(a, b)| (a, 0, b, 1)).collect())
            }
            Self::TemporalJoins => {
                let all: Vec<(u64, Option<u64>)> = numbers.map(|n| (n, version_of(n))).collect();
                let some = all.iter().filter_map(|(n, version)| version.filter(|n| !is_end(*n)).map(|v| (*n, 0, v, 1)));
                let all_rows = all.iter().map(|(n, version)| (*n, version.map_or(-1, millis), version.unwrap_or(0), 0));
                (all_rows.collect(), some.collect())
            }
            Self::Windows | Self::PartialSums => (windows(90, 90), windows(120, 40)),
            Self::Sessions => (sessions(100), Vec::new()),
            Self::Late => (windows(50, 50).into_iter().map(|row| (row.0, row.1, row.2, 0)).collect(), Vec::new()),
            Self::Remembering => {
                let mut totals: BTreeMap<u64, u64> = BTreeMap::new();
                let mut add_up = |(key, start, count, sum)| {
                    let total = totals.entry(key).or_default();
                    *total += sum;
                    (key, start, count, *total)
                };
                (windows(90, 90).into_iter().map(&mut add_up).collect(), Vec::new())
            }
            Self::Pattern => (pairs(), Vec::new()),
        };
        first.sort_unstable();
        second.sort_unstable();
        [first, second]
    }

    /// What is compared of the output: where windows fire again, how often they do depends on the order in which records
    /// meet watermarks, and only their last firing counts.
    pub(crate) fn comparable(self, mut rows: Vec<Row>) -> Result<Vec<Row>, String> {
        rows.sort_unstable();
        if !matches!(self, Self::Late) {
            return Ok(rows);
        }
        let mut last: Vec<Row> = Vec::new();
        for (key, start, count, revision) in rows {
            match last.last_mut() {
                Some(row) if (row.0, row.1) == (key, start) => {
                    if revision != row.3 + 1 || count <= row.2 {
                        return Err(format!("firing {revision} of {count} records after {row:?}"));
                    }
                    *row = (key, start, count, revision);
                }
                _ if revision != 0 => return Err(format!("the window {key}, {start} begins with firing {revision}")),
                _ => last.push((key, start, count, revision)),
            }
        }
        Ok(last.into_iter().map(|(key, start, count, _)| (key, start, count, 0)).collect())
    }
}

/// Every count that is reached of every key.
fn running_counts(keys: impl Iterator<Item = u64>, tag: u64) -> Vec<Row> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    let count = |key| {
        let count = counts.entry(key).or_default();
        *count += 1;
        (key, 0, *count, tag)
    };
    keys.map(count).collect()
}

/// Whether a record is one of the table's versions. They are so far apart that no two have the same time.
fn is_version(number: u64) -> bool {
    number.is_multiple_of(3)
}

/// Which of them say that there is none.
fn is_end(number: u64) -> bool {
    number.is_multiple_of(15)
}

/// The version of a record's key that is valid at its time.
fn version_of(number: u64) -> Option<u64> {
    let before = |other: &u64| key(*other) == key(number) && millis(*other) <= millis(number);
    (0..RECORDS).filter(|other| is_version(*other)).filter(before).max_by_key(|other| millis(*other))
}

fn windows(size: i64, slide: i64) -> Vec<Row> {
    let mut windows: BTreeMap<(u64, i64), (u64, u64)> = BTreeMap::new();
    for number in 0..RECORDS {
        let mut start = millis(number) - millis(number).rem_euclid(slide);
        while start > millis(number) - size {
            let (count, sum) = windows.entry((key(number), start)).or_default();
            *count += 1;
            *sum += number;
            start -= slide;
        }
    }
    windows.into_iter().map(|((key, start), (count, sum))| (key, start, count, sum)).collect()
}

fn sessions(gap: i64) -> Vec<Row> {
    let mut by_time: Vec<(u64, i64, u64)> = (0..RECORDS).map(|number| (key(number), millis(number), number)).collect();
    by_time.sort_unstable();
    let mut rows: Vec<Row> = Vec::new();
    let mut last_time = 0;
    for (key, time, number) in by_time {
        match rows.last_mut() {
            // Windows that touch are one.
            Some((last, _, count, sum)) if *last == key && time <= last_time + gap => {
                *count += 1;
                *sum += number;
            }
            _ => rows.push((key, time, 1, number)),
        }
        last_time = time;
    }
    rows
}

/// Each number that a pattern begins with, and the next of its key that one ends with.
fn pairs() -> Vec<Row> {
    let mut by_time: Vec<(u64, i64, u64)> = (0..RECORDS).map(|number| (key(number), millis(number), number)).collect();
    by_time.sort_unstable();
    let mut rows = Vec::new();
    for (index, (key, _, from)) in by_time.iter().enumerate().filter(|(_, (.., number))| begins(number)) {
        let mut later = by_time[index + 1..].iter().take_while(|(other, ..)| other == key);
        rows.extend(later.find(|(.., number)| ends(number)).map(|(_, time, to)| (*from, *time, *to, 0)));
    }
    rows
}
