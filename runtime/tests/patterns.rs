//! Patterns as types find what the same patterns find that are written by hand, and functions on their matches are operators.

#![allow(clippy::unwrap_used, reason = "helpers of tests are outside the test functions")]

use std::fmt::Debug;
use std::time::Duration;

use millstream::cep::testing::matches;
use millstream::cep::{AfterMatch, Match, MatchContext, TypedPattern};
use millstream::prelude::*;
use millstream::testing::Harness;
use serde::{Deserialize, Serialize};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Payment {
    cents: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Action {
    Login,
    Logout,
    Pay(Payment),
    Look { page: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Event {
    user: String,
    action: Action,
}

fn is_login(event: &Event) -> bool {
    event.action == Action::Login
}

fn is_logout(event: &Event) -> bool {
    event.action == Action::Logout
}

fn is_payment(event: &Event) -> bool {
    matches!(event.action, Action::Pay(_))
}

#[derive(Debug, PartialEq, Pattern)]
#[pattern(event = Event, within = "10 min", after_match = skip_past_last)]
struct LoginThenPayments {
    #[begin(filter = is_login)]
    login: Event,
    #[not_followed_by(filter = is_logout)]
    no_logout: (),
    #[followed_by(filter = is_payment, times = 1.., consecutive)]
    payments: Vec<Event>,
    #[next(filter = |event| matches!(event.action, Action::Look { .. }))]
    looked: Option<Event>,
    #[followed_by(filter = is_logout)]
    logout: Event,
}

fn login_then_payments() -> millstream::cep::Pattern<Event> {
    millstream::cep::Pattern::begin("login")
        .where_(is_login)
        .not_followed_by("no_logout")
        .where_(is_logout)
        .followed_by("payments")
        .where_(is_payment)
        .times(1..)
        .consecutive()
        .next("looked")
        .where_(|event: &Event| matches!(event.action, Action::Look { .. }))
        .optional()
        .followed_by("logout")
        .where_(is_logout)
        .within(Duration::from_secs(600))
        .after_match(AfterMatch::SkipPastLastEvent)
}

/// What a pattern finds as its type.
#[track_caller]
fn typed<P: TypedPattern<Event: Clone + 'static>>(events: impl IntoIterator<Item = P::Event>) -> Vec<P> {
    let timed = events.into_iter().zip(1..).map(|(event, time)| (event, at(time)));
    let found = matches(&P::pattern(), timed).unwrap().matches;
    found.into_iter().map(|mut found| P::from_match(&mut found).unwrap()).collect()
}

fn random_actions(random: &mut fastrand::Rng) -> Vec<Event> {
    let actions = (0..random.usize(0..25)).map(|_| match random.u8(0..7) {
        0 | 1 => Action::Login,
        2 => Action::Logout,
        3 => Action::Look { page: random.u64(0..5) },
        _ => Action::Pay(Payment { cents: random.u64(0..20) }),
    });
    actions.map(|action| Event { user: "ann".to_owned(), action }).collect()
}

#[test]
fn a_typed_pattern_finds_what_its_twin_finds() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, cases) = (number("MILLSTREAM_SEED").unwrap_or(1), number("MILLSTREAM_CASES").unwrap_or(500));
    let mut total = 0;
    for seed in first..first + cases {
        let events = random_actions(&mut fastrand::Rng::with_seed(seed));
        let timed = events.iter().cloned().zip(1..).map(|(event, time)| (event, at(time)));
        let found = matches(&login_then_payments(), timed).unwrap().matches;
        let expected: Vec<_> = found
            .iter()
            .map(|found| LoginThenPayments {
                login: found.events("login")[0].clone(),
                no_logout: (),
                payments: found.events("payments").to_vec(),
                looked: found.get("looked").cloned(),
                logout: found.events("logout")[0].clone(),
            })
            .collect();
        total += expected.len();
        assert_eq!(typed::<LoginThenPayments>(events), expected, "MILLSTREAM_SEED={seed}");
    }
    assert!(total > 0 || cases < 100);
}

#[track_caller]
fn check<P: TypedPattern<Event: Clone + 'static> + PartialEq + Debug>(
    events: impl IntoIterator<Item = P::Event>,
    expected: impl IntoIterator<Item = P>,
) {
    assert_eq!(typed::<P>(events), expected.into_iter().collect::<Vec<_>>());
}

/// The conditions beside `filter`.
#[derive(Debug, PartialEq, Pattern)]
#[pattern(event = i64, within = "1 s", after_match = to_last(high))]
struct Rise {
    #[begin(filter = |n| *n > 0, filter = |n| n % 2 == 0, or = |n| *n == 99)]
    low: i64,
    #[followed_by(
        when = |n, so_far: &MatchContext<'_, i64>| so_far.events("low").all(|low| low < n),
        one_or_more,
        until = |n| *n == 0,
    )]
    high: Vec<i64>,
}

#[test]
fn conditions_are_taken_in_their_order() {
    check([3, 2, 1, 5, 0, 7], [Rise { low: 2, high: vec![5] }]);
    check([99, 100], [Rise { low: 99, high: vec![100] }]);
}

/// Fields that hold what a variant holds, the variant's event, or nothing of it.
#[derive(Debug, PartialEq, Pattern)]
#[pattern(event = Action)]
struct Large {
    #[begin(variant = Action::Login)]
    login: Action,
    #[next(variant = Action::Pay, filter = |payment: &Payment| payment.cents > 10, or = |payment| payment.cents == 0)]
    large: Payment,
    #[next(variant = Action::Look, filter = |event: &Action| *event != Action::Look { page: 3 })]
    looked: Option<Action>,
    #[next(
        variant = Action::Pay,
        when = |payment: &Payment, so_far| so_far.events("more").len() < 2 && payment.cents < 9,
        times = 1..=3,
        allow_combinations,
    )]
    more: Vec<Payment>,
    #[not_next(variant = Action::Logout)]
    stays: (),
}

#[test]
fn a_field_may_hold_what_a_variant_holds() {
    let pay = |cents| Action::Pay(Payment { cents });
    let payments = |cents: &[u64]| cents.iter().map(|cents| Payment { cents: *cents }).collect::<Vec<_>>();
    let large = |cents, looked, more: &[u64]| Large {
        login: Action::Login,
        large: Payment { cents },
        looked,
        more: payments(more),
        stays: (),
    };
    let look = Action::Look { page: 1 };
    let events = [Action::Login, pay(20), look.clone(), pay(8), pay(9)];
    check(events, [large(20, Some(look), &[8])]);
    check::<Large>([Action::Login, pay(0), pay(8), Action::Logout], []);
    check([Action::Login, pay(0), pay(1), pay(2), pay(9)], [large(0, None, &[1]), large(0, None, &[1, 2])]);
}

#[derive(Debug, PartialEq, Pattern)]
#[pattern(event = i64, group)]
struct OddThenEvens {
    #[begin(filter = |n| n % 2 != 0)]
    odd: i64,
    #[next(filter = |n| n % 2 == 0, times = 2, consecutive)]
    evens: Vec<i64>,
}

#[derive(Debug, PartialEq, Pattern)]
#[pattern(event = i64, after_match = skip_past_last)]
struct Groups {
    #[begin(filter = |n| *n < 0)]
    negative: i64,
    #[next(group, times = 2, consecutive)]
    rounds: Vec<OddThenEvens>,
    #[next(group)]
    tail: Option<Tail>,
}

#[derive(Debug, PartialEq, Pattern)]
#[pattern(event = i64, group)]
struct Tail {
    #[begin(filter = |n| *n == 100)]
    hundred: i64,
    #[next(filter = |n| *n > 100)]
    more: Option<i64>,
    #[next(filter = |n| *n == 0)]
    zero: i64,
}

#[test]
fn a_repeated_group_is_told_apart_by_rounds() {
    let round = |odd, evens: [i64; 2]| OddThenEvens { odd, evens: evens.to_vec() };
    let rounds = || vec![round(1, [2, 4]), round(3, [6, 8])];
    check([-1, 1, 2, 4, 3, 6, 8], [Groups { negative: -1, rounds: rounds(), tail: None }]);
    let tail = Tail { hundred: 100, more: Some(101), zero: 0 };
    let longest = typed::<Groups>([-1, 1, 2, 4, 3, 6, 8, 100, 101, 0]);
    assert!(longest.contains(&Groups { negative: -1, rounds: rounds(), tail: None }));
    check::<Tail>([100, 101, 0], [tail]);
}

const TIMED_OUT: OutputTag<Match<Event>> = OutputTag::new("timed out");
const LATE: OutputTag<Event> = OutputTag::new("late");
const FAILED: OutputTag<(Match<Event>, String)> = OutputTag::new("failed");

/// Those who pay more than a limit after their login.
#[operator(cep, key = event.user, uid = "alerts", timed_out = TIMED_OUT, late = LATE)]
fn alert(
    found: LoginThenPayments,
    #[param] limit: u64,
    ctx: &mut PatternContext<'_, String>,
    out: &mut Collector<(String, u64)>,
) {
    let cents =
        found.payments.iter().map(|event| if let Action::Pay(payment) = &event.action { payment.cents } else { 0 });
    let sum = cents.sum();
    if sum > limit {
        out.emit((ctx.key().clone(), sum));
    }
}

fn event(user: &str, action: Action) -> Event {
    Event { user: user.to_owned(), action }
}

fn pay(cents: u64) -> Action {
    Action::Pay(Payment { cents })
}

fn job(events: Stream<Event>) -> Stream<(String, u64)> {
    let alerts = events.apply(alert(10));
    let late = alerts.side_output(LATE).map(|event| (format!("late: {}", event.user), 0));
    let timed_out = alerts.side_output(TIMED_OUT).map(|partial| {
        (
            format!("timed out: {}", partial.get("login").map_or("", |event| &event.user)),
            partial.events("payments").len() as u64,
        )
    });
    alerts.union([late, timed_out])
}

#[test]
fn a_function_on_matches_goes_on_after_a_restore_at_another_parallelism() {
    let mut harness = Harness::new(job);
    for user in ["ann", "bob", "cid", "dan"] {
        harness.push_at(event(user, Action::Login), at(1));
        harness.push_at(event(user, pay(6)), at(2));
    }
    harness.watermark(at(2));
    harness.push_at(event("ann", pay(6)), at(3));
    let snapshot = harness.snapshot();
    let mut restored = Harness::restored(job, 3, &snapshot);
    restored.push_at(event("late", pay(1)), at(1));
    for user in ["ann", "bob", "cid"] {
        restored.push_at(event(user, pay(5)), at(4));
        restored.push_at(event(user, Action::Logout), at(5));
    }
    restored.end();
    let mut output = restored.output();
    output.sort();
    let expected = [("ann", 17), ("bob", 11), ("cid", 11), ("late: late", 0), ("timed out: dan", 1)];
    assert_eq!(output, expected.map(|(text, number)| (text.to_owned(), number)));
}

#[test]
fn the_function_itself_stays_callable() {
    assert_eq!(cents(&Paid { paid: event("ann", pay(3)) }).unwrap_or_default(), 3);
    assert!(refused::call(&Paid { paid: event("ann", Action::Login) }).is_err());
}

fn cents(found: &Paid) -> Result<u64> {
    match &found.paid.action {
        Action::Pay(payment) => Ok(payment.cents),
        other => anyhow::bail!("{other:?} is no payment"),
    }
}

#[derive(Pattern)]
#[pattern(event = Event)]
struct Paid {
    #[begin]
    paid: Event,
}

#[operator(cep, on_error = side_output(FAILED), name = "refused")]
fn refused(found: &Paid) -> Result<u64> {
    cents(found)
}

#[operator(cep, on_error = skip, order = |a: &Event, b: &Event| b.action.cmp(&a.action))]
fn skipped(found: Paid) -> Result<Option<u64>> {
    cents(&found).map(Some)
}

#[operator(cep, key = event.user.len(), processing_time, parallelism = 1)]
fn now(found: Paid, ctx: &mut Context<'_>) -> Vec<String> {
    vec![found.paid.user, ctx.job_name().to_owned()]
}

#[test]
fn a_match_for_which_the_function_fails_is_skipped_or_goes_to_a_side_output() {
    let job = |events: Stream<Event>| {
        let refused = events.clone().key_by(|event| &event.user).apply(refused());
        let failed =
            refused.side_output(FAILED).map(|(found, error)| format!("{}: {error}", found.events("paid")[0].user));
        let skipped = events.key_by(|event| &event.user).apply(skipped());
        failed.union([refused.map(|cents| format!("taken {cents}")), skipped.map(|cents| format!("kept {cents}"))])
    };
    let mut harness = Harness::new(job);
    for action in [pay(1), Action::Login, pay(2)] {
        harness.push_at(event("ann", action), at(1));
    }
    harness.end();
    let output = harness.output();
    let of = |word: &str| output.iter().filter(|text| text.starts_with(word)).cloned().collect::<Vec<_>>();
    assert_eq!(of("taken"), ["taken 1", "taken 2"]);
    assert_eq!(of("kept"), ["kept 2", "kept 1"]);
    assert_eq!(of("ann"), ["ann: Login is no payment"]);
}

#[test]
fn a_function_on_matches_may_work_in_processing_time() {
    let mut harness = Harness::new(|events: Stream<Event>| events.apply(now()));
    harness.push(event("ann", pay(1)));
    assert_eq!(harness.output(), ["ann", "harness"]);
}
