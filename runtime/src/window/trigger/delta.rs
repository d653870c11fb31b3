//! Fires by how far records are from each other.

use serde::{Deserialize, Serialize};

use super::{Trigger, TriggerContext, TriggerResult};
use crate::data::Data;
use crate::time::Timestamp;

/// Fires with each record that is further than a threshold from the one that fired last, or from the first.
///
/// ```
/// # use millstream::prelude::*;
/// # use millstream::window::{DeltaTrigger, Global};
/// # let env = Environment::new("example");
/// let miles = env
///     .from_collection([0, 40, 60, 100, 130])
///     .key_by_owned(|_| ())
///     .window(Global)
///     .trigger(DeltaTrigger::of(50.0, |last: &i32, miles: &i32| f64::from(miles - last)))
///     .process(|_, _, miles, out| out.extend(miles.last().copied()))
///     .collect();
/// # env.execute()?;
/// assert_eq!(miles.take(), [60, 130]);
/// # Ok::<(), millstream::JobError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct DeltaTrigger<F> {
    threshold: f64,
    delta: F,
}

impl<F> DeltaTrigger<F> {
    /// Fires when `delta` of the record that fired last and the one at hand is above `threshold`.
    pub const fn of(threshold: f64, delta: F) -> Self {
        Self { threshold, delta }
    }
}

/// What a [`DeltaTrigger`] remembers of a window: the record that fired last, or the first one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LastFired<T>(Option<T>);

impl<T> Default for LastFired<T> {
    fn default() -> Self {
        Self(None)
    }
}

/// Only what holds no record can be told to be equal.
impl<T> PartialEq for LastFired<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_none() && other.0.is_none()
    }
}

impl<T: Data, F> Trigger<T> for DeltaTrigger<F>
where
    F: Fn(&T, &T) -> f64 + Send + Sync + 'static,
{
    type State = LastFired<T>;

    fn on_element(
        &self,
        value: &T,
        _: Timestamp,
        LastFired(last): &mut LastFired<T>,
        _: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        let fires = last.as_ref().map(|last| (self.delta)(last, value) > self.threshold);
        if fires != Some(false) {
            *last = Some(value.clone());
        }
        if fires == Some(true) { TriggerResult::Fire } else { TriggerResult::Continue }
    }
}
