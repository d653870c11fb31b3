//! What patterns find, case by case: the cases are those of Flink's own tests of its library.
//!
//! Events are words whose first letter is their kind: `a2` is the second of kind `a`. They come one millisecond apart.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

use std::time::Duration;

use millstream::cep::testing::matches;
use millstream::cep::{AfterMatch, Pattern};
use millstream::time::Timestamp;

type Word = &'static str;

fn is(kind: char) -> impl Fn(&Word) -> bool + Send + Sync + 'static {
    move |word| word.starts_with(kind)
}

/// A pattern that begins with an event of a kind, which is also the stage's name.
fn begin(kind: &str) -> Pattern<Word> {
    on(Pattern::begin(kind), kind)
}

fn on(pattern: Pattern<Word>, kind: &str) -> Pattern<Word> {
    pattern.where_(is(kind.chars().next().unwrap()))
}

/// Short for stages that are named for the kind of their events.
trait Stages {
    fn then(self, kind: &str) -> Self;
    fn relaxed(self, kind: &str) -> Self;
    fn any(self, kind: &str) -> Self;
    fn not_then(self, kind: &str) -> Self;
    fn not(self, kind: &str) -> Self;
}

impl Stages for Pattern<Word> {
    fn then(self, kind: &str) -> Self {
        on(self.next(kind), kind)
    }

    fn relaxed(self, kind: &str) -> Self {
        on(self.followed_by(kind), kind)
    }

    fn any(self, kind: &str) -> Self {
        on(self.followed_by_any(kind), kind)
    }

    fn not_then(self, kind: &str) -> Self {
        on(self.not_next(kind), kind)
    }

    fn not(self, kind: &str) -> Self {
        on(self.not_followed_by(kind), kind)
    }
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Compares matches, each written as its events in order, without regard to the order of the matches.
#[track_caller]
fn check(pattern: &Pattern<Word>, events: &'static str, expected: &[&str]) {
    let events = events.split_whitespace().enumerate();
    let found = matches(pattern, events.map(|(at, word)| (word, Timestamp::from_millis(at as i64 + 1)))).unwrap();
    let position = |word: &Word| word.as_ptr() as usize;
    let sequence = |found: &millstream::cep::Match<Word>| {
        let mut words: Vec<Word> = found.iter().flat_map(|(_, words)| words).copied().collect();
        words.sort_by_key(position);
        words.join(" ")
    };
    let mut found: Vec<String> = found.matches.iter().map(sequence).collect();
    let mut expected: Vec<&str> = expected.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn strict_relaxed_and_any() {
    check(&begin("a").then("b"), "a1 b1 a2 x b2", &["a1 b1"]);
    check(&begin("a").relaxed("b"), "a1 x b1 b2", &["a1 b1"]);
    check(&begin("a").relaxed("b"), "a1 a2 b1", &["a1 b1", "a2 b1"]);
    check(&begin("a").any("b"), "a1 x b1 b2", &["a1 b1", "a1 b2"]);
    check(&begin("c").any("a").relaxed("b"), "c a1 a2 b1", &["c a1 b1", "c a2 b1"]);
}

#[test]
fn loops() {
    let zero_or_more = begin("c").relaxed("a").one_or_more().optional().relaxed("b");
    check(&zero_or_more, "c a1 a2 a3 b", &["c a1 a2 a3 b", "c a1 a2 b", "c a1 b", "c b"]);
    let combinations = begin("c").any("a").one_or_more().allow_combinations().relaxed("b");
    check(&combinations, "c a1 a2 b", &["c a1 b", "c a2 b", "c a1 a2 b"]);
    let eager = begin("c").any("a").one_or_more().optional().relaxed("b");
    check(&eager, "c a1 a2 b", &["c a1 a2 b", "c a1 b", "c a2 b", "c b"]);
    let beginning = begin("a").one_or_more().relaxed("b");
    check(&beginning, "a1 a2 b", &["a1 a2 b", "a1 b", "a2 b"]);
    let end = begin("c").relaxed("a").one_or_more();
    check(&end, "c a1 x a2", &["c a1", "c a1 a2"]);
    let consecutive = begin("c").relaxed("a").one_or_more().consecutive().relaxed("b");
    check(&consecutive, "c a1 x a2 b", &["c a1 b"]);
    check(&consecutive, "c x a1 a2 y b", &["c a1 a2 b", "c a1 b"]);
}

#[test]
fn times() {
    check(&begin("c").relaxed("a").times(2).relaxed("b"), "c a1 a2 a3 b", &["c a1 a2 b"]);
    check(&begin("c").any("a").times(2).relaxed("b"), "c a1 a2 a3 b", &["c a1 a2 b", "c a2 a3 b"]);
    let combinations = begin("c").any("a").times(2).allow_combinations().relaxed("b");
    check(&combinations, "c a1 a2 a3 b", &["c a1 a2 b", "c a1 a3 b", "c a2 a3 b"]);
    check(&begin("c").then("a").times(2).consecutive().relaxed("b"), "c a1 x a2 b", &[]);
    check(&begin("a").times(3), "a1 a2 a3 a4 a5 a6", &["a1 a2 a3", "a2 a3 a4", "a3 a4 a5", "a4 a5 a6"]);
    check(&begin("c").relaxed("a").times(1..=3).relaxed("b"), "c a1 a2 a3 b", &["c a1 a2 a3 b", "c a1 a2 b", "c a1 b"]);
    check(&begin("c").relaxed("a").times(2).optional().relaxed("b"), "c a1 b", &["c b"]);
    check(&begin("c").relaxed("a").times(2..).relaxed("b"), "c a1 a2 a3 b", &["c a1 a2 a3 b", "c a1 a2 b"]);
    check(&begin("c").then("a").times(0..=2).then("b"), "c a1 a2 b", &["c a1 a2 b"]);
}

#[test]
fn greedy_loops_take_all() {
    let greedy = || begin("c").relaxed("a").one_or_more().optional().greedy();
    check(&greedy().relaxed("d"), "c a1 a2 a3 d", &["c a1 a2 a3 d"]);
    check(&greedy().relaxed("d"), "c x a1 y a2 z a3 d", &["c a1 a2 a3 d"]);
    check(&greedy().relaxed("d"), "c a1 a2 x d", &["c a1 a2 d"]);
    check(&greedy().relaxed("d"), "c x d", &["c d"]);
    let before_optional = begin("c").relaxed("a").one_or_more().greedy().relaxed("d");
    check(&before_optional, "c a1 a2 d", &["c a1 a2 d"]);
    let until = begin("c").relaxed("a").one_or_more().optional().greedy().until(is('x')).relaxed("d");
    check(&until, "c a1 a2 a3 x d", &["c a1 a2 a3 d"]);
    check(&begin("c").relaxed("a").times(2..=5).greedy().relaxed("d"), "c a1 a2 a3 d", &["c a1 a2 a3 d"]);
}

#[test]
fn until_ends_a_loop() {
    let end = |pattern: Pattern<Word>| on(pattern.until(is('x')).followed_by("x"), "x");
    check(&end(begin("c").relaxed("a").one_or_more()), "c a1 a2 x a3", &["c a1 a2 x", "c a1 x"]);
    let combinations = begin("c").relaxed("a").one_or_more().allow_combinations();
    check(&end(combinations), "c a1 a2 a3 x a4", &["c a1 a2 a3 x", "c a1 a2 x", "c a1 a3 x", "c a1 x"]);
    let optional = begin("c").relaxed("a").one_or_more().optional();
    check(&end(optional), "c a1 a2 x a3", &["c a1 a2 x", "c a1 x", "c x"]);
    let any = begin("c").any("a").one_or_more().until(is('x'));
    check(&any, "c a1 a2 x a3", &["c a1 a2", "c a1", "c a2", "c a3"]);
}

#[test]
fn what_may_not_be() {
    check(&begin("a").not_then("b").any("c").relaxed("d"), "a c1 b c2 d", &["a c1 d", "a c2 d"]);
    check(&begin("a").not_then("b").relaxed("c").relaxed("d"), "a b c1 c2 d", &[]);
    check(&begin("a").any("c").any("d").not_then("b"), "a c1 c2 d b", &[]);
    check(&begin("a").not("b").any("c").relaxed("d"), "a c1 b c2 d", &["a c1 d"]);
    check(&begin("a").not("b").any("c").optional().relaxed("d"), "a c1 b c2 d", &["a c1 d"]);
    check(&begin("a").not("b").any("c").optional(), "a c1 b c2", &["a", "a c1"]);
    check(&begin("a").any("b").times(2).not("c").relaxed("d"), "a b1 c b2 d", &[]);
    check(&begin("a").relaxed("b").not("c").within(millis(5)), "a b x", &["a b"]);
    check(&begin("a").relaxed("b").not("c").within(millis(5)), "a b c", &[]);
    check(&begin("a").relaxed("b").not("c").within_previous(millis(2)), "a x y b z u c", &["a b"]);
}

#[test]
fn groups() {
    let pair = || begin("a").relaxed("b");
    let within = |group: Pattern<Word>| begin("c").followed_by_group(group);
    check(&within(pair()).times(2).relaxed("d"), "c a1 b1 a2 b2 d", &["c a1 b1 a2 b2 d"]);
    check(&within(pair()).optional().relaxed("d"), "c a1 a2 b d", &["c d", "c a1 b d"]);
    check(&within(pair()).times(2).optional().relaxed("d"), "c a d", &["c d"]);
    check(&within(pair()).one_or_more().relaxed("d"), "c a1 b1 a2 b2 d", &["c a1 b1 a2 b2 d", "c a1 b1 d"]);
    check(&Pattern::begin_group(pair()).times(2), "a1 b1 a2 b2", &["a1 b1 a2 b2"]);
}

#[test]
fn a_match_may_skip_others() {
    let triple = |skip: AfterMatch| begin("a").times(3).after_match(skip);
    check(&triple(AfterMatch::SkipPastLastEvent), "a1 a2 a3 a4 a5 a6", &["a1 a2 a3", "a4 a5 a6"]);
    let any = |skip: AfterMatch| begin("a").any("b").after_match(skip);
    check(&any(AfterMatch::NoSkip), "a1 b1 a2 b2", &["a1 b1", "a1 b2", "a2 b2"]);
    check(&any(AfterMatch::SkipToNext), "a1 b1 a2 b2", &["a1 b1", "a2 b2"]);
    let end = |skip: AfterMatch| begin("a").then("b").one_or_more().after_match(skip);
    check(&end(AfterMatch::NoSkip), "a b1 b2 b3", &["a b1 b2 b3", "a b1 b2", "a b1"]);
    check(&end(AfterMatch::SkipToNext), "a b1 b2 b3", &["a b1"]);
    let pairs = |skip: AfterMatch| Pattern::<Word>::begin("start").times(2).next("end").times(2).after_match(skip);
    check(&pairs(AfterMatch::skip_to_first("end")), "s1 s2 s3 s4 s5 s6", &["s1 s2 s3 s4", "s3 s4 s5 s6"]);
    check(&pairs(AfterMatch::skip_to_last("end")), "s1 s2 s3 s4 s5 s6 s7", &["s1 s2 s3 s4", "s4 s5 s6 s7"]);
    let long = begin("a").any("b").any("c").relaxed("d").after_match(AfterMatch::SkipPastLastEvent);
    check(&long, "a1 a2 b1 b2 c1 c2 d1 d2", &["a1 b1 c1 d1"]);
}

#[test]
fn events_of_equal_times_do_not_end_partial_matches_between_them() {
    // The first `c` leads to a state with a limit that has passed by then.
    let pattern = begin("a").one_or_more().relaxed("c").times(2..).repeats_within(millis(2)).within(millis(50));
    let at = |word: Word, millis: i64| (word, Timestamp::from_millis(millis));
    let found = matches(&pattern, [at("a1", 12), at("a2", 17), at("c1", 17), at("c2", 17)]).unwrap();
    let loops: Vec<_> = found.matches.iter().map(|found| (found.events("a"), found.events("c"))).collect();
    assert!(loops.contains(&(&["a1"][..], &["c1", "c2"][..])), "{loops:?}");
}

/// Compares the error of a pattern that cannot be.
#[track_caller]
fn refuse(pattern: Pattern<Word>, expected: &str) {
    let error = pattern.check().expect_err("the pattern should be refused").to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_cannot_be_is_refused() {
    refuse(begin("a").then("a"), "two stages named `a`");
    refuse(begin("a").relaxed("b").not("c"), "ends with `not_followed_by(\"c\")` and has no `within`");
    refuse(begin("a").optional().not("b").relaxed("c"), "`b` stands behind stage `a`, which is optional");
    refuse(begin("a").not_then("b").optional(), "stage `b` cannot have `optional`");
    refuse(begin("a").not("b").greedy(), "stage `b` cannot have `greedy`");
    refuse(begin("a").greedy(), "stage `a` cannot have `greedy`: it matches once");
    refuse(begin("a").times(2).one_or_more(), "stage `a` cannot have `one_or_more`");
    refuse(begin("a").optional().times(2), "call `optional` afterwards");
    refuse(begin("a").times(std::ops::RangeInclusive::new(3, 2)), "the upper bound is below");
    refuse(begin("a").times(0), "at least once");
    refuse(begin("a").until(is('b')), "stage `a` cannot have `until`: it ends a loop");
    refuse(begin("a").one_or_more().until(is('b')).until(is('c')), "it has one already");
    refuse(begin("a").one_or_more().consecutive().allow_combinations(), "already");
    refuse(begin("a").one_or_more().greedy().relaxed("b").optional(), "the stage before it is greedy");
    refuse(
        begin("a").after_match(AfterMatch::skip_to_last("b")),
        "stage `b`, which the pattern does not have: it has `a`",
    );
    refuse(begin("a").any("b").one_or_more(), "stage `b` is repeated without end");
    refuse(begin("a").one_or_more().allow_combinations(), "stage `a` is repeated without end");
    refuse(begin("a").within(Duration::ZERO), "it must be at least one millisecond");
    refuse(begin("a").then("b").within_previous(millis(9)).within(millis(5)), "9 ms after the event before it");
    refuse(begin("a").times(1_000_000), "repeats its stages too often");
    refuse(Pattern::begin_group(begin("a").optional()).one_or_more(), "may match no event at all");
    refuse(Pattern::begin_group(begin("a")).where_(is('b')), "a group has no condition");
    let skipping = begin("a").after_match(AfterMatch::SkipToNext);
    refuse(Pattern::begin_group(skipping).times(2), "belongs to the whole pattern");
}

#[test]
fn what_ends_is_not_refused() {
    let allowed = [
        begin("a").relaxed("b").one_or_more(),
        begin("a").any("b").one_or_more().within(millis(5)),
        begin("a").any("b").one_or_more().until(is('x')),
        begin("a").times(2..).allow_combinations().until(is('x')),
    ];
    allowed.iter().for_each(|pattern| pattern.check().unwrap());
}

#[test]
fn conditions_see_what_has_been_matched_so_far() {
    // Each a word that is longer than all before it.
    let growing = Pattern::begin("first").next("longer").where_with(|word: &Word, so_far| {
        so_far.events("first").chain(so_far.events("longer")).all(|before| before.len() < word.len())
    });
    check(&growing.clone().times(2).consecutive(), "a bb ccc dd eeee", &["a bb ccc"]);
    check(&growing.one_or_more().consecutive(), "a bb ccc dd", &["a bb", "a bb ccc", "bb ccc"]);
    let until = begin("a").one_or_more().until_with(|_: &Word, so_far| so_far.events("a").len() == 2).relaxed("b");
    check(&until, "a1 a2 a3 b", &["a1 a2 b", "a1 b", "a2 a3 b", "a2 b", "a3 b"]);
}

#[test]
fn more_loops_of_flinks_tests() {
    let strict_end = begin("c").then("a").one_or_more().consecutive().optional().then("b");
    check(&strict_end, "c b", &["c b"]);
    check(&strict_end, "c a1 b", &["c a1 b"]);
    let start_optional = begin("a").one_or_more().optional().relaxed("b");
    check(&start_optional, "a1 a2 b", &["a1 a2 b", "a1 b", "a2 b", "b"]);
    let two_optional = begin("a").optional().then("b").optional().then("c");
    check(&two_optional, "a b c", &["a b c", "b c", "c"]);
    let times_then_strict = begin("c").any("a").times(2).allow_combinations().then("b");
    check(&times_then_strict, "c a1 a2 a3 b", &["c a1 a3 b", "c a2 a3 b"]);
    let or_more = begin("c").relaxed("a").times(2..).consecutive().relaxed("b");
    check(&or_more, "c a1 a2 x a3 b", &["c a1 a2 b"]);
    let optional_end = begin("c").relaxed("a").times(2).optional();
    check(&optional_end, "c a1 a2", &["c", "c a1 a2"]);
}
