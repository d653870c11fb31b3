//! Every form of an operator on two streams. What they do is tested in `connected.rs` and `broadcast.rs`.
#![deny(warnings)]

use millstream::prelude::*;

#[operator(connect)]
pub fn either(of: Either<u64, String>) -> String {
    of.either(|n| n.to_string(), |text| text)
}

#[operator(connect, keyed, uid = "sums")]
pub fn keyed_either(
    of: &Either<u64, String>,
    #[state] sum: &mut Value<u64>,
    ctx: &mut KeyedContext<'_, u64>,
    #[param] factor: u64,
) -> Option<(u64, u64)> {
    if let Either::Left(n) = of {
        *sum.get_or_default() += n * factor;
    }
    Some((*ctx.key(), *sum.get_or_default()))
}

#[operator(broadcast, on_error = skip)]
pub fn told(of: Either<u64, String>, #[state] rules: &mut BroadcastState<String, ()>) -> Result<Option<u64>> {
    Ok(match of {
        Either::Left(n) => Some(n),
        Either::Right(rule) => rules.insert(rule, ()).and(None),
    })
}

/// Two streams with the same keys.
#[derive(KeyedOperator)]
#[operator(connect, name = "both", on_error = skip)]
pub struct Both<T: Data> {
    #[state]
    last: Value<T>,
    #[state]
    all: ListState<u64>,
    #[param]
    limit: u64,
    #[transient]
    seen: u64,
}

impl<T: Data> KeyedCoProcess for Both<T> {
    type Key = u64;
    type Left = T;
    type Right = u64;
    type Out = T;

    fn process_left(&mut self, value: T, _ctx: &mut KeyedContext<'_, u64>, _out: &mut Collector<T>) -> Result<()> {
        self.last.set(value);
        Ok(())
    }

    fn process_right(&mut self, n: u64, _ctx: &mut KeyedContext<'_, u64>, out: &mut Collector<T>) -> Result<()> {
        self.seen += 1;
        self.all.push(n);
        out.extend(self.last.get().filter(|_| n < self.limit).cloned());
        Ok(())
    }

    fn on_timer(&mut self, _at: Timestamp, _ctx: &mut KeyedContext<'_, u64>, _out: &mut Collector<T>) -> Result<()> {
        Ok(())
    }
}

/// A keyed stream and a broadcast.
#[derive(KeyedOperator)]
#[operator(broadcast, uid = "matched", parallelism = 2)]
pub struct Matched {
    #[state(ttl = "1 h")]
    seen: Value<u64>,
    #[param]
    least: u64,
}

impl KeyedBroadcastProcess for Matched {
    type Key = u64;
    type In = u64;
    type Broadcast = String;
    type Shared = (BroadcastState<String, ()>, BroadcastState<u64, String>);
    type Out = String;

    fn process(
        &mut self,
        value: u64,
        (rules, names): &Self::Shared,
        _ctx: &mut KeyedContext<'_, u64>,
        out: &mut Collector<String>,
    ) -> Result<()> {
        self.seen.set(value);
        out.extend(names.get(&value).filter(|name| value > self.least && rules.contains_key(*name)).cloned());
        Ok(())
    }

    fn process_broadcast(
        &mut self,
        rule: String,
        (rules, _): &mut Self::Shared,
        _ctx: &mut BroadcastContext<'_>,
        _out: &mut Collector<String>,
    ) -> Result<()> {
        rules.insert(rule, ());
        Ok(())
    }
}

fn main() {
    let env = Environment::new("forms");
    let (numbers, texts) = (env.from_collection([1]), env.from_collection(["a".to_owned()]));
    let keyed = numbers.clone().key_by(|n| n);
    let connected = numbers.clone().connect(texts.clone());
    let _ = connected.clone().apply(either());
    let _ = connected.key_by_owned(|n| *n, |text| text.len() as u64).apply(keyed_either(2));
    let _ = numbers.connect_broadcast(texts.clone()).apply(told());
    let _ = texts.clone().key_by_owned(|_| 1).connect(keyed.clone()).apply(Both::operator(3));
    let _ = keyed.connect_broadcast(texts).apply(Matched::operator(0));
}
