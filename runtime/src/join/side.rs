//! An interval join as it looks from either side, so that its loop is written once.

use super::bounds::{Alive, Bounds};
use super::buffer::TimeBuffer;
use super::codec::JoinRow;
use super::function::ProcessJoin;
use crate::data::Data;
use crate::window::Late;

/// Where the late records of both sides go.
pub(crate) struct LateSides<L, R> {
    pub(crate) left: Late<L>,
    pub(crate) right: Late<R>,
}

impl<L, R> Clone for LateSides<L, R> {
    fn clone(&self) -> Self {
        Self { left: self.left.clone(), right: self.right.clone() }
    }
}

/// The side that a batch is of.
pub(super) trait Side<J: ProcessJoin> {
    /// The batch's records.
    type Own: Data;
    /// The records that they meet.
    type Other: Data;

    /// The first and the last time of the others that a record meets.
    fn reach(bounds: Bounds, time: i64) -> (i64, i64);

    /// The records of a key: of this side, then of the other.
    fn of(row: &JoinRow<J::Left, J::Right>) -> (&TimeBuffer<Self::Own>, &TimeBuffer<Self::Other>);

    /// [`Side::of`], to be changed.
    fn of_mut(row: &mut JoinRow<J::Left, J::Right>) -> (&mut TimeBuffer<Self::Own>, &mut TimeBuffer<Self::Other>);

    /// From when on records may still meet others: those of this side, then those of the other.
    fn alive(alive: Alive) -> (i64, i64);

    fn late(late: &LateSides<J::Left, J::Right>) -> &Late<Self::Own>;

    /// Puts a pair in order: left, then right.
    fn in_order<'a>(own: (i64, &'a Self::Own), other: (i64, &'a Self::Other)) -> Pair<'a, J::Left, J::Right>;
}

/// A left and a right record with their times.
pub(super) type Pair<'a, L, R> = ((i64, &'a L), (i64, &'a R));

pub(super) struct Left;

pub(super) struct Right;

impl<J: ProcessJoin> Side<J> for Left {
    type Own = J::Left;
    type Other = J::Right;

    #[inline]
    fn reach(bounds: Bounds, time: i64) -> (i64, i64) {
        bounds.of_left(time)
    }

    #[inline]
    fn of((left, right): &JoinRow<J::Left, J::Right>) -> (&TimeBuffer<J::Left>, &TimeBuffer<J::Right>) {
        (left, right)
    }

    #[inline]
    fn of_mut((left, right): &mut JoinRow<J::Left, J::Right>) -> (&mut TimeBuffer<J::Left>, &mut TimeBuffer<J::Right>) {
        (left, right)
    }

    #[inline]
    fn alive(alive: Alive) -> (i64, i64) {
        (alive.left, alive.right)
    }

    fn late(late: &LateSides<J::Left, J::Right>) -> &Late<J::Left> {
        &late.left
    }

    #[inline]
    fn in_order<'a>(own: (i64, &'a J::Left), other: (i64, &'a J::Right)) -> Pair<'a, J::Left, J::Right> {
        (own, other)
    }
}

impl<J: ProcessJoin> Side<J> for Right {
    type Own = J::Right;
    type Other = J::Left;

    #[inline]
    fn reach(bounds: Bounds, time: i64) -> (i64, i64) {
        bounds.of_right(time)
    }

    #[inline]
    fn of((left, right): &JoinRow<J::Left, J::Right>) -> (&TimeBuffer<J::Right>, &TimeBuffer<J::Left>) {
        (right, left)
    }

    #[inline]
    fn of_mut((left, right): &mut JoinRow<J::Left, J::Right>) -> (&mut TimeBuffer<J::Right>, &mut TimeBuffer<J::Left>) {
        (right, left)
    }

    #[inline]
    fn alive(alive: Alive) -> (i64, i64) {
        (alive.right, alive.left)
    }

    fn late(late: &LateSides<J::Left, J::Right>) -> &Late<J::Right> {
        &late.right
    }

    #[inline]
    fn in_order<'a>(own: (i64, &'a J::Right), other: (i64, &'a J::Left)) -> Pair<'a, J::Left, J::Right> {
        (other, own)
    }
}
