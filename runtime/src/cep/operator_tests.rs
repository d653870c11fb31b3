//! The operator in front of an output that refuses, which jobs cannot be made to have at will.

use std::sync::Arc;
use std::time::Duration;

use super::Pattern;
use super::nfa::Nfa;
use super::operator::{PatternRunner, Settings};
use super::process::Select;
use crate::operator::keyed::OwnedKey;
use crate::window::driver::Driver;
use crate::window::late::Late;

/// All choices among the events that are above 0.
fn choices(processing_time: bool) -> Driver<u64, usize> {
    let pattern = Pattern::begin("all").where_(|n: &u64| *n > 0).one_or_more().allow_combinations();
    let nfa = Nfa::bounded(&pattern.within(Duration::from_secs(1))).unwrap();
    let settings = Settings { processing_time, late: Late::to(None), timed_out: None, order: None };
    let count = Select(|found: &super::Match<u64>| found.events("all").len());
    let runner = PatternRunner::new(Arc::new(nfa), settings, count, Arc::new(OwnedKey(|_: &u64| 0_u8)));
    let mut driver = Driver::new(runner, (0, 1), None);
    driver.open();
    driver
}

/// So many events are in a choice.
const EVENTS: u64 = 14;

fn total(driver: &mut Driver<u64, usize>) -> usize {
    driver.take().into_iter().map(|(count, _)| count).sum()
}

/// The events in all choices together.
const EXPECTED: usize = (EVENTS as usize) << (EVENTS - 1);

#[test]
fn what_a_full_output_has_no_room_for_comes_later() {
    let mut driver = choices(false);
    driver.results.borrow_mut().refuse_every = 2;
    driver.push((1..=EVENTS).map(|n| (n, n as i64)));
    driver.watermark(EVENTS as i64);
    assert_eq!(total(&mut driver), EXPECTED);
}

#[test]
fn in_processing_time_too() {
    let mut driver = choices(true);
    driver.results.borrow_mut().refuse_every = 2;
    driver.push((1..=EVENTS).map(|n| (n, 0)));
    driver.end();
    assert_eq!(total(&mut driver), EXPECTED);
}
