//! Patterns in events: Millstream with one slot beside a plain loop that looks for just that pattern.

mod purchases;
mod streaks;

use std::fmt::Write;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::Fingerprint;
use crate::harness::Plan;
use crate::input::{below, scatter};
use crate::statistics::Spread;

/// Whose events are looked at.
const USERS: u64 = 10_000;

/// What a user did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Action {
    user: u64,
    kind: Kind,
    /// When it was; there is an action in each millisecond.
    millis: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    /// What a pattern begins with.
    Begin,
    /// What it goes on with.
    GoOn,
    Other,
}

/// Actions of users drawn evenly; of a thousand, so many begin and so many go on.
#[inline(always)]
fn action(index: u64, begin: u64, go_on: u64) -> Action {
    let draw = scatter(!index) % 1000;
    let kind = match draw {
        _ if draw < begin => Kind::Begin,
        _ if draw < begin + go_on => Kind::GoOn,
        _ => Kind::Other,
    };
    Action { user: below(USERS, index), kind, millis: index as i64 }
}

/// A number for a match, so that a wrong one changes the fingerprint.
fn code(first: i64, second: i64, last: i64, length: usize) -> u64 {
    scatter(first as u64)
        .wrapping_add(scatter(second as u64).rotate_left(21))
        .wrapping_add(scatter(last as u64).rotate_left(42))
        .wrapping_mul(2 * length as u64 + 1)
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[value(rename_all = "UPPER")]
pub enum Search {
    /// A login, then a purchase, within ten minutes.
    P1,
    /// A loop under `followed_by_any`, a dozen events in the window.
    P2,
}

impl Search {
    fn title(self) -> &'static str {
        match self {
            Self::P1 => "a login, then a purchase, within ten minutes, 10k users",
            Self::P2 => "a beginning, then any later ones that go on, a dozen in two minutes, 10k users",
        }
    }

    fn events(self, scale: f64) -> u64 {
        let full = match self {
            Self::P1 => 5_000_000.0,
            Self::P2 => 1_000_000.0,
        };
        ((full * scale) as u64).max(1)
    }

    /// What is meant to be reached, in million events per second.
    fn goal(self) -> Option<f64> {
        match self {
            Self::P1 => Some(2.0),
            Self::P2 => None,
        }
    }

    fn plain(self, events: u64) -> Fingerprint {
        match self {
            Self::P1 => purchases::plain(events),
            Self::P2 => streaks::plain(events),
        }
    }

    fn job(self, events: u64) -> Result<Fingerprint> {
        match self {
            Self::P1 => purchases::job(events),
            Self::P2 => streaks::job(events),
        }
    }
}

/// Rates are in million per second; ratios are taken within each round.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    search: Search,
    title: &'static str,
    /// Events in each run.
    events: u64,
    /// What is found in each run.
    matches: u64,
    /// Events of the plain loop.
    plain: Spread,
    /// Events of the engine with one slot.
    p1: Spread,
    /// Matches of the engine with one slot.
    p1_matches: Spread,
    /// `p1 / plain`.
    p1_to_plain: Spread,
    goal: Option<f64>,
}

/// Looks for a pattern as often as planned.
///
/// Fails if a job fails, or finds something other than the loop.
pub fn measure(search: Search, plan: Plan) -> Result<Figures> {
    ensure!(plan.runs > 0, "nothing to measure in 0 runs");
    let events = search.events(plan.scale);
    let (mut rounds, mut matches) = (Vec::new(), 0);
    for _ in 0..plan.runs {
        let (plain, expected) = timed(events, || Ok(search.plain(events)))?;
        let (p1, found) = timed(events, || search.job(events))?;
        ensure!(found == expected, "{search:?} finds {found}, but the plain loop {expected}");
        matches = found.count;
        rounds.push((plain, p1));
    }
    let spread = |figure: &dyn Fn(&(f64, f64)) -> f64| Spread::of(rounds.iter().map(figure)).context("no rounds");
    Ok(Figures {
        search,
        title: search.title(),
        events,
        matches,
        plain: spread(&|(plain, _)| *plain)?,
        p1: spread(&|(_, p1)| *p1)?,
        p1_matches: spread(&|(_, p1)| p1 * matches as f64 / events as f64)?,
        p1_to_plain: spread(&|(plain, p1)| p1 / plain)?,
        goal: search.goal(),
    })
}

fn timed(events: u64, run: impl FnOnce() -> Result<Fingerprint>) -> Result<(f64, Fingerprint)> {
    let start = Instant::now();
    let fingerprint = run()?;
    Ok((events as f64 / start.elapsed().as_secs_f64() / 1e6, fingerprint))
}

/// Lines for a person.
pub fn text(figures: &Figures) -> String {
    let rate = |spread: Spread| format!("{:.2} ({:.2}..{:.2})", spread.median, spread.min, spread.max);
    let goal = figures.goal.map(|goal| format!(" (goal {goal:.1})")).unwrap_or_default();
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{:?} {}, {:.1}M events, {} matches\n   M events/s   loop {}   p=1 {}{goal}   p=1/loop {}\n   M matches/s  p=1 {}",
        figures.search,
        figures.title,
        figures.events as f64 / 1e6,
        figures.matches,
        rate(figures.plain),
        rate(figures.p1),
        rate(figures.p1_to_plain),
        rate(figures.p1_matches),
    );
    text
}

/// Everything in one JSON object.
pub fn json(plan: Plan, searches: &[Figures]) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Report<'a> {
        unit: &'static str,
        runs: usize,
        scale: f64,
        searches: &'a [Figures],
    }
    let unit = "million per second";
    serde_json::to_string_pretty(&Report { unit, runs: plan.runs, scale: plan.scale, searches })
}
