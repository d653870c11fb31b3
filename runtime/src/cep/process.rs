//! What becomes of a match.

use std::ops::{Deref, DerefMut};

use super::found::Match;
use crate::Result;
use crate::data::Data;
use crate::operator::{Collector, Context};
use crate::time::Timestamp;

/// What makes results of matches. Each subtask works on a clone of its own.
///
/// ```
/// use millstream::cep::{Match, Pattern, PatternContext, PatternProcess};
/// use millstream::prelude::*;
///
/// #[derive(Clone)]
/// struct Sum;
///
/// impl PatternProcess<(), i64> for Sum {
///     type Out = i64;
///     fn process(&mut self, found: Match<i64>, _: &mut PatternContext<'_, ()>, out: &mut Collector<i64>) -> Result<()> {
///         out.emit(found.iter().flat_map(|(_, events)| events).sum());
///         Ok(())
///     }
/// }
/// ```
pub trait PatternProcess<K, E>: Clone + Send + Sync + 'static {
    /// What goes out.
    type Out: Data;

    /// Called once in each subtask before the first match.
    fn open(&mut self, _ctx: &mut Context<'_>) -> Result<()> {
        Ok(())
    }

    /// Called for each match. Results have the time of the event that has completed it.
    fn process(
        &mut self,
        found: Match<E>,
        ctx: &mut PatternContext<'_, K>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;

    /// Called once in each subtask after the last match; may still emit.
    fn close(&mut self, _ctx: &mut Context<'_>, _out: &mut Collector<Self::Out>) -> Result<()> {
        Ok(())
    }
}

/// What a [`PatternProcess`] can ask: the key, the match's time, and all that [`Context`] knows.
pub struct PatternContext<'a, K> {
    pub(super) base: Context<'a>,
    pub(super) key: &'a K,
    pub(super) time: Timestamp,
}

impl<'a, K> Deref for PatternContext<'a, K> {
    type Target = Context<'a>;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl<K> DerefMut for PatternContext<'_, K> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.base
    }
}

impl<K> PatternContext<'_, K> {
    /// The key whose events match.
    pub fn key(&self) -> &K {
        self.key
    }

    /// The time of the match: that of the event that has completed it, or when nothing could follow any more that is not
    /// to be. In processing time, when that event came.
    pub fn match_time(&self) -> Timestamp {
        self.time
    }
}

/// One result per match.
#[derive(Clone)]
pub(crate) struct Select<F>(pub(crate) F);

impl<K, E: 'static, O: Data, F> PatternProcess<K, E> for Select<F>
where
    F: FnMut(&Match<E>) -> O + Clone + Send + Sync + 'static,
{
    type Out = O;

    fn process(&mut self, found: Match<E>, _: &mut PatternContext<'_, K>, out: &mut Collector<O>) -> Result<()> {
        out.emit((self.0)(&found));
        Ok(())
    }
}

/// Any number of results per match.
#[derive(Clone)]
pub(crate) struct FlatSelect<F>(pub(crate) F);

impl<K, E: 'static, I, F> PatternProcess<K, E> for FlatSelect<F>
where
    I: IntoIterator<Item: Data>,
    F: FnMut(&Match<E>) -> I + Clone + Send + Sync + 'static,
{
    type Out = I::Item;

    fn process(&mut self, found: Match<E>, _: &mut PatternContext<'_, K>, out: &mut Collector<I::Item>) -> Result<()> {
        out.extend((self.0)(&found));
        Ok(())
    }
}
