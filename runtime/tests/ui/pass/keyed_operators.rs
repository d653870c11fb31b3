//! Every form of a keyed operator. What they do is tested in `annotations.rs`.
#![deny(warnings)]

use millstream::prelude::*;

#[operator(keyed, uid = "sum")]
pub fn collecting(
    value: i64,
    #[state(name = "sum", alias = "total")] total: &mut Value<i64>,
    ctx: &mut KeyedContext<'_, u32>,
    out: &mut Collector<(u32, i64)>,
) -> Result<()> {
    *total.get_or_default() += value;
    out.emit((*ctx.key(), *total.get_or_default()));
    Ok(())
}

#[operator(keyed, flat_map)]
pub fn iterable(value: i64, #[state(ttl = "1 h")] all: &mut List<i64>) -> Vec<i64> {
    all.push(value);
    all.iter().copied().collect()
}

#[operator]
pub fn unkeyed_context(value: &i64, #[state] seen: &mut Map<i64, ()>, ctx: &mut Context<'_>) -> Option<usize> {
    seen.insert(*value, ());
    Some(ctx.subtask_index())
}

#[operator]
fn lifetimes(
    value: i64,
    #[state(ttl = "1 h", ttl_visibility = until_cleaned_up)] first: &mut Value<i64>,
    #[state(ttl = lifetime, ttl_update = disabled, ttl_visibility = never_return_expired)] second: &mut Value<i64>,
    #[state(ttl = Ttl::new(lifetime).keys_per_batch(8), ttl_update = on_read_and_write)] third: &mut Value<i64>,
    #[param] lifetime: Duration,
) -> bool {
    [first, second, third].into_iter().for_each(|state| state.set(value));
    lifetime > Duration::ZERO
}

/// A struct with everything.
#[derive(KeyedOperator)]
#[operator(name = "all", on_error = skip)]
pub struct All {
    #[state(reduce = |a, b| a + b)]
    sum: Reducing<i64>,
    #[state(ttl = lifetime, ttl_update = on_create_and_write)]
    last: Value<i64>,
    #[param]
    lifetime: Duration,
    #[transient]
    seen: u64,
}

impl KeyedProcess for All {
    type Key = u32;
    type In = i64;
    type Out = i64;

    fn process(&mut self, value: i64, _ctx: &mut KeyedContext<'_, u32>, out: &mut Collector<i64>) -> Result<()> {
        self.seen += u64::from(self.lifetime > Duration::ZERO);
        self.sum.add(value);
        self.last.set(value);
        out.extend(self.sum.get().copied());
        Ok(())
    }
}

/// A struct without fields.
#[derive(KeyedOperator)]
pub struct Nothing;

impl KeyedProcess for Nothing {
    type Key = u32;
    type In = i64;
    type Out = i64;

    fn process(&mut self, value: i64, _ctx: &mut KeyedContext<'_, u32>, out: &mut Collector<i64>) -> Result<()> {
        out.emit(value);
        Ok(())
    }
}

fn main() {
    let _ = (lifetimes(Duration::from_secs(1)), collecting(), iterable(), unkeyed_context(), Nothing::operator());
    assert_eq!(All::operator(Duration::from_secs(1)).options.name.as_deref(), Some("all"));
}
