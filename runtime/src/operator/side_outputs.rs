//! Outputs of an operator beside its main one.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use super::stage::{BoxStage, Progress, Signal};
use crate::channel::Batch;
use crate::channel::size::SizeEstimate;
use crate::data::Data;
use crate::state::{StateError, TaskCapture, TaskSnapshot};
use crate::time::Timestamp;

/// Names a side output and the type of its records.
///
/// ```
/// # use millstream::prelude::*;
/// let late: OutputTag<u64> = OutputTag::new("late");
/// ```
pub struct OutputTag<T> {
    name: &'static str,
    _type: PhantomData<fn() -> T>,
}

impl<T> OutputTag<T> {
    /// A tag; two tags are the same if name and type are.
    pub const fn new(name: &'static str) -> Self {
        Self { name, _type: PhantomData }
    }

    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T> Clone for OutputTag<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for OutputTag<T> {}

impl<T> fmt::Debug for OutputTag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutputTag({:?})", self.name)
    }
}

/// The side outputs of one operator that somebody reads.
#[derive(Default)]
pub struct SideOutputs {
    sides: BTreeMap<&'static str, Box<dyn AnySide>>,
}

impl fmt::Debug for SideOutputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.sides.keys()).finish()
    }
}

impl SideOutputs {
    pub(crate) fn insert(&mut self, name: &'static str, side: Box<dyn AnySide>) {
        self.sides.insert(name, side);
    }

    /// Emits to a side output; answers whether somebody reads it.
    pub(crate) fn emit<T: Data>(&mut self, tag: OutputTag<T>, value: T, time: Timestamp) -> bool {
        let Some(side) = self.sides.get_mut(tag.name).and_then(|side| side.as_any().downcast_mut::<Side<T>>()) else {
            return false;
        };
        side.batch.push_at(value, time);
        true
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        // Asked for every record, and mostly there are no side outputs.
        !self.sides.is_empty() && self.sides.values().any(|side| side.is_full())
    }

    pub(crate) fn flush(&mut self) -> Progress {
        self.sides.values_mut().try_for_each(|side| side.flush())
    }

    pub(crate) fn signal(&mut self, signal: &Signal) -> Progress {
        self.sides.values_mut().try_for_each(|side| side.signal(signal))
    }

    pub(crate) fn open(&mut self) -> Progress {
        self.sides.values_mut().try_for_each(|side| side.open())
    }

    pub(crate) fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.sides.values_mut().try_for_each(|side| side.snapshot(to))
    }

    pub(crate) fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.sides.values_mut().try_for_each(|side| side.restore(from))
    }
}

/// One side output, whatever its type.
pub(crate) trait AnySide {
    fn as_any(&mut self) -> &mut dyn Any;
    fn is_full(&self) -> bool;
    fn flush(&mut self) -> Progress;
    fn signal(&mut self, signal: &Signal) -> Progress;
    fn open(&mut self) -> Progress;
    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError>;
    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError>;
}

/// A batch being filled for a side output, and the stage that takes it.
pub(crate) struct Side<T> {
    batch: Batch<T>,
    size: SizeEstimate,
    next: BoxStage<T>,
}

impl<T: Data> Side<T> {
    pub(crate) fn boxed(next: BoxStage<T>) -> Box<dyn AnySide> {
        Box::new(Self { batch: Batch::new(), size: SizeEstimate::new::<T>(), next })
    }
}

impl<T: Data> AnySide for Side<T> {
    fn as_any(&mut self) -> &mut dyn Any {
        self
    }

    fn is_full(&self) -> bool {
        self.batch.len() >= self.size.batch_records()
    }

    fn flush(&mut self) -> Progress {
        if self.batch.is_empty() {
            return Ok(());
        }
        self.size.sample(self.batch.values());
        self.next.push(&mut self.batch)
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        self.next.signal(signal)
    }

    fn open(&mut self) -> Progress {
        self.next.open()
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.next.snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.next.restore(from)
    }
}
