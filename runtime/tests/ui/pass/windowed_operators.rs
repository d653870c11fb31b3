//! Every form of a windowed operator. What they do is tested in `annotations.rs`.
#![deny(warnings)]

use millstream::prelude::*;
use millstream::window::{CountTrigger, ProcessWindow, Tumbling, WindowStates};

type Reading = (String, i64);

const LATE: OutputTag<Reading> = OutputTag::new("late");

/// A type with parameters.
#[derive(Clone)]
pub struct Highest<T> {
    size: Duration,
    _type: std::marker::PhantomData<fn() -> T>,
}

#[operator(key = |value| value.clone(), window = Tumbling::of(self.size), trigger = CountTrigger::of(3))]
impl<T: Key + Ord> Aggregate for Highest<T> {
    type In = T;
    type Acc = Option<T>;
    type Out = Option<T>;

    fn add(&self, acc: &mut Option<T>, value: T) {
        self.merge(acc, Some(value));
    }

    fn merge(&self, acc: &mut Option<T>, other: Option<T>) {
        *acc = acc.take().max(other);
    }

    fn result(&self, acc: &Option<T>) -> Option<T> {
        acc.clone()
    }

    fn emit(&self, _key: &T, _window: &WindowContext<'_>, result: Self::Out, out: &mut Collector<T>) -> Result<()> {
        out.extend(result);
        Ok(())
    }
}

#[operator(key = reading.0, window = sliding("1 min", slide).offset("5 s"), late = LATE, uid = uid, reduce)]
pub fn reduce(a: Reading, b: Reading, #[param] slide: Duration, #[param] uid: &str) -> Reading {
    if a.1 > b.1 && slide > Duration::ZERO && !uid.is_empty() { a } else { b }
}

#[operator(key = &reading.0, window = session(|reading: &Reading| Duration::from_millis(reading.0.len() as u64)))]
pub fn count(readings: Vec<Reading>) -> usize {
    readings.len()
}

#[operator(key = reading.1 % 7, window = count(10, 5), name = "last")]
pub fn last(key: &i64, window: &mut WindowContext<'_>, readings: Vec<Reading>) -> Result<Option<(i64, Reading)>> {
    let _ = window.revision();
    Ok(readings.into_iter().next_back().map(|reading| (*key, reading)))
}

#[operator(key = reading.0, window = count(10), trigger = delta(5.0, distance), evictor = time("1 min"), on_error = skip)]
pub fn trend<T: Data>(
    key: &str,
    readings: Vec<Reading>,
    #[state(ttl = "1 day")] before: &mut Value<i64>,
    #[window_state] fired: &mut Value<u64>,
    #[param] extra: T,
    out: &mut Collector<(String, T)>,
) -> Result<()> {
    *fired.get_or_default() += 1;
    before.set(readings.len() as i64);
    out.emit((key.to_owned(), extra));
    Ok(())
}

fn distance(from: &Reading, to: &Reading) -> f64 {
    (to.1 - from.1) as f64
}

#[operator(window_all = sliding("1 min", "10 s"), trigger = continuous_processing_time("1 s"))]
pub fn total(key: &(), readings: Vec<Reading>, #[state] windows: &mut Value<u64>) -> u64 {
    let () = key;
    *windows.get_or_default() += readings.len() as u64;
    *windows.get_or_default()
}

/// Passes the first record of each window on.
#[derive(Clone)]
pub struct First<T> {
    size: Duration,
    _type: std::marker::PhantomData<fn() -> T>,
}

#[operator(key = |value: &(String, T)| value.0.clone(), window = Tumbling::of(self.size))]
impl<T: Data> ProcessWindow<String> for First<T> {
    type In = Vec<(String, T)>;
    type Out = T;

    fn process(
        &mut self,
        _key: &String,
        values: Self::In,
        _states: WindowStates<'_, (), ()>,
        _window: &mut WindowContext<'_>,
        out: &mut Collector<T>,
    ) -> Result<()> {
        out.extend(values.into_iter().next().map(|(_, value)| value));
        Ok(())
    }
}

fn main() {
    let env = Environment::new("job");
    let readings = env.from_collection([("a".to_owned(), 1)]);
    let _: Stream<Reading> = readings.clone().apply(reduce(Duration::from_secs(1), "reduce".to_owned()));
    let _: Stream<usize> = readings.clone().apply(count());
    let _: Stream<(i64, Reading)> = readings.clone().apply(last());
    let _: Stream<(String, u8)> = readings.clone().apply(trend(3u8));
    let _: Stream<u64> = readings.clone().apply(total());
    let first = First { size: Duration::from_secs(1), _type: std::marker::PhantomData };
    let _: Stream<i64> = readings.apply(first);
    let highest = Highest { size: Duration::from_secs(1), _type: std::marker::PhantomData };
    let _: Stream<u64> = env.from_collection([1u64]).uid("numbers").apply(highest);
}
