//! The records of both sides in one window.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::data::Data;
use crate::error::Result;
use crate::operator::{Collector, Either};
use crate::window::fold::Fold;
use crate::window::{IntoResult, WindowContext};

/// What a co-group does with the records of a window: those of both sides that have the same key, or of one side alone.
///
/// Results have the event time of the last millisecond of the window.
///
/// ```
/// # use millstream::prelude::*;
/// use millstream::join::CoGroup;
///
/// /// Orders that have not been paid in their window.
/// #[derive(Clone)]
/// struct Unpaid;
///
/// impl CoGroup for Unpaid {
///     type Left = String;
///     type Right = u64;
///     type Out = String;
///     fn co_group(
///         &self,
///         orders: &[String],
///         payments: &[u64],
///         _window: &mut WindowContext<'_>,
///         out: &mut Collector<String>,
///     ) -> Result<()> {
///         if payments.is_empty() {
///             out.extend(orders.iter().cloned());
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait CoGroup: Clone + Send + Sync + 'static {
    /// What comes from the left.
    type Left: Data;
    /// What comes from the right.
    type Right: Data;
    /// What goes out.
    type Out: Data;

    /// Called for each window of a key that fires, with the records of both sides; one of them may have none.
    fn co_group(
        &self,
        left: &[Self::Left],
        right: &[Self::Right],
        window: &mut WindowContext<'_>,
        out: &mut Collector<Self::Out>,
    ) -> Result<()>;
}

/// Groups by a closure.
pub(crate) struct CoGroupFn<L, R, O, F> {
    group: F,
    _types: PhantomData<fn(L, R) -> O>,
}

impl<L, R, O, F> CoGroupFn<L, R, O, F> {
    pub(crate) fn new(group: F) -> Self {
        Self { group, _types: PhantomData }
    }
}

impl<L, R, O, F: Clone> Clone for CoGroupFn<L, R, O, F> {
    fn clone(&self) -> Self {
        Self::new(self.group.clone())
    }
}

impl<L: Data, R: Data, O: Data, F, I: IntoResult> CoGroup for CoGroupFn<L, R, O, F>
where
    F: Fn(&[L], &[R], &mut Collector<O>) -> I + Clone + Send + Sync + 'static,
{
    type Left = L;
    type Right = R;
    type Out = O;

    fn co_group(&self, left: &[L], right: &[R], _: &mut WindowContext<'_>, out: &mut Collector<O>) -> Result<()> {
        (self.group)(left, right, out).into_result()
    }
}

/// The records of a window, side by side, each in the order in which they came.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group<L, R> {
    pub(crate) left: Vec<L>,
    pub(crate) right: Vec<R>,
}

impl<L, R> Group<L, R> {
    fn push(&mut self, value: Either<L, R>) {
        match value {
            Either::Left(left) => self.left.push(left),
            Either::Right(right) => self.right.push(right),
        }
    }
}

/// Keeps all records of both sides.
pub(crate) struct SidesFold<L, R>(PhantomData<fn(L, R)>);

impl<L, R> Default for SidesFold<L, R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<L, R> Clone for SidesFold<L, R> {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl<L: Data, R: Data> Fold for SidesFold<L, R> {
    type In = Either<L, R>;
    type Acc = Group<L, R>;

    fn empty(&self) -> Option<Group<L, R>> {
        Some(Group { left: Vec::new(), right: Vec::new() })
    }

    fn start(&self, value: Either<L, R>) -> Group<L, R> {
        let mut group = Group { left: Vec::new(), right: Vec::new() };
        group.push(value);
        group
    }

    #[inline]
    fn add(&self, group: &mut Group<L, R>, value: Either<L, R>) {
        group.push(value);
    }

    fn merge(&self, group: &mut Group<L, R>, mut other: Group<L, R>) {
        group.left.append(&mut other.left);
        group.right.append(&mut other.right);
    }
}
