//! Every form of a pattern and of an operator on one. What they do is tested in `patterns.rs`.
#![deny(warnings)]

use millstream::cep::{Match, MatchContext, Times};
use millstream::prelude::*;

const TWICE: u32 = 2;

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub enum Event {
    Login(String),
    Pay { cents: u64 },
    Logout,
}

fn is_login(event: &Event) -> Result<bool> {
    Ok(matches!(event, Event::Login(_)))
}

/// All conditions, quantifiers and limits.
#[derive(Debug, Pattern)]
#[pattern(event = Event, within = "10 min", after_match = to_last(login).throw_exception_on_miss())]
pub struct All {
    #[begin(filter = is_login, filter = |_| true, or = |event: &Event| matches!(event, Event::Logout))]
    pub login: Event,
    #[not_next(variant = Event::Logout)]
    no_logout: (),
    #[next(when = |_, so_far: &MatchContext<'_, Event>| so_far.events("login").len() == 1, or_when = |_, _| false)]
    pub second: Event,
    #[followed_by(variant = Event::Pay, times = TWICE.., consecutive, until = is_login, within_previous = "1 min")]
    pub payments: Vec<Event>,
    #[followed_by_any(one_or_more, allow_combinations, until_when = |_, _| true, repeats_within = "1 s")]
    pub some: Vec<Event>,
    #[followed_by(times = 1.., optional)]
    pub none_or_more: Vec<Event>,
    #[followed_by(times = Times::from(2..=3), greedy)]
    pub two_or_three: Vec<Event>,
    #[next]
    pub r#type: Event,
    #[next]
    pub last: Option<Event>,
    #[followed_by]
    pub end: Event,
    #[not_followed_by(variant = Event::Logout)]
    stays: (),
}

/// What a variant holds, once, at most once and several times.
#[derive(Debug, Pattern)]
#[pattern(event = Event, group)]
pub struct Logins {
    #[begin(variant = Event::Login)]
    pub first: String,
    #[next(variant = Event::Login, filter = |user: &String| !user.is_empty(), when = |user: &String, _| user.len() < 9)]
    pub second: Option<String>,
    #[followed_by_any(variant = Event::Login, times = 1..)]
    pub more: Vec<String>,
}

/// Groups, once, at most once and several times.
#[derive(Debug, Pattern)]
#[pattern(event = Event, within = Duration::from_secs(60), after_match = none)]
pub struct Groups {
    #[begin(group)]
    pub logins: Logins,
    #[next(group, times = 1..)]
    pub pairs: Vec<Pair>,
    #[next(group)]
    pub single: Option<Single>,
}

/// A group that can be repeated, whose name clashes with nothing.
#[derive(Debug, Pattern)]
#[pattern(event = Event)]
pub struct Pair {
    #[begin]
    pub a: Event,
    #[next(times = 2)]
    pub found: Vec<Event>,
}

#[derive(Debug, Pattern)]
#[pattern(event = Event)]
pub struct Single {
    #[begin]
    pub single: Event,
}

/// Events of any type.
#[derive(Debug, Pattern)]
#[pattern(event = (u64, Vec<T>), after_match = to_next)]
pub struct Generic<T: Data> {
    #[begin(filter = |event| event.0 > 1)]
    pub first: (u64, Vec<T>),
}

const LATE: OutputTag<Event> = OutputTag::new("late");
const TIMED_OUT: OutputTag<Match<Event>> = OutputTag::new("timed out");
const FAILED: OutputTag<(Match<Event>, String)> = OutputTag::new("failed");

/// All arguments.
#[operator(
    cep,
    key = |event| matches!(event, Event::Logout),
    late = LATE,
    timed_out = TIMED_OUT,
    order = |_: &Event, _: &Event| std::cmp::Ordering::Equal,
    on_error = side_output(FAILED),
    uid = "all",
    name = format!("all {limit}"),
    parallelism = 2
)]
pub fn all(
    found: &All,
    #[param] limit: u64,
    ctx: &mut PatternContext<'_, bool>,
    out: &mut Collector<u64>,
) -> Result<()> {
    out.emit(limit + found.payments.len() as u64 + u64::from(*ctx.key()));
    Ok(())
}

#[operator(cep, processing_time, on_error = skip)]
fn one(found: Groups) -> Result<String> {
    Ok(format!("{found:?}"))
}

#[operator(cep)]
fn several(found: Single, ctx: &mut Context<'_>) -> Vec<String> {
    vec![format!("{found:?}"), ctx.job_name().to_owned()]
}

#[operator(cep)]
fn generic<T: Data>(found: Generic<T>) -> Option<u64> {
    Some(found.first.0)
}

fn main() {
    let env = Environment::new("job");
    let events = env.from_collection([Event::Logout, Event::Pay { cents: 1 }, Event::Login("ann".to_owned())]);
    let events = events.watermarks(WatermarkStrategy::monotonous().timestamps(|_: &Event| Timestamp::from_millis(1)));
    let _ = events.clone().apply(all(3)).collect();
    let _ = events.clone().key_by_owned(|_| ()).apply(one()).collect();
    let _ = events.key_by_owned(|_| 1).apply(several()).collect();
    let numbers = env.from_collection([(1, vec!["a".to_owned()])]);
    let _ = numbers.key_by(|event| &event.0).apply(generic()).collect();
}
