//! Operators with two inputs.
//!
//! The inputs are ports of one subtask: each has an edge, a partitioner and a record type of its own, so a batch is of one
//! input and nothing is wrapped on its way. The subtask's gate makes one watermark of all channels of both inputs, and
//! aligns their barriers; so an operator with two inputs sees time and snapshots as one with a single input does.

use std::cell::RefCell;
use std::rc::Rc;

use super::{AnyStage, BoxStage, Link, Operator, Output, Progress, Signal, Stage};
use crate::channel::Batch;
use crate::data::Data;
use crate::state::{StateError, TaskCapture, TaskSnapshot};

/// An operator that has a second input beside the one that every [`Operator`] has.
pub(crate) trait TwoInputOperator: Operator<In: Data, Out: Data> {
    /// The records of the second input.
    type Second: Data;

    /// Takes all records out of `input`, or stops early with `Stop`; the law of stages holds.
    fn process_second(&mut self, input: &mut Batch<Self::Second>, out: &mut Output<Self::Out>) -> Progress;

    /// Goes on where `process_second` stopped for a full output, if its batch is empty already.
    fn resume_second(&mut self, _out: &mut Output<Self::Out>) -> Progress {
        Ok(())
    }
}

/// The stages of both inputs, in order. They share the operator and what stands behind it.
pub(crate) fn stages<O: TwoInputOperator>(link: Link<O>) -> Vec<AnyStage> {
    let link = Rc::new(RefCell::new(link));
    let first: BoxStage<O::In> = Box::new(First(Rc::clone(&link)));
    let second: BoxStage<O::Second> = Box::new(Second(link));
    vec![AnyStage::new(first), AnyStage::new(second)]
}

struct First<O: Operator>(Rc<RefCell<Link<O>>>);

struct Second<O: Operator>(Rc<RefCell<Link<O>>>);

impl<O: TwoInputOperator> Stage<O::In> for First<O> {
    fn push(&mut self, batch: &mut Batch<O::In>) -> Progress {
        self.0.borrow_mut().push(batch)
    }

    fn signal(&mut self, signal: &Signal) -> Progress {
        self.0.borrow_mut().signal(signal)
    }

    fn open(&mut self) -> Progress {
        self.0.borrow_mut().open()
    }

    fn snapshot(&mut self, to: &mut TaskCapture) -> Result<(), StateError> {
        self.0.borrow_mut().snapshot(to)
    }

    fn restore(&mut self, from: &TaskSnapshot) -> Result<(), StateError> {
        self.0.borrow_mut().restore(from)
    }
}

/// What is not about records, the first input's stage does for both.
impl<O: TwoInputOperator> Stage<O::Second> for Second<O> {
    fn push(&mut self, batch: &mut Batch<O::Second>) -> Progress {
        self.0.borrow_mut().work(batch, |operator, batch, out| {
            if batch.is_empty() { operator.resume_second(out) } else { operator.process_second(batch, out) }
        })
    }

    fn signal(&mut self, _signal: &Signal) -> Progress {
        Ok(())
    }

    fn open(&mut self) -> Progress {
        Ok(())
    }

    fn snapshot(&mut self, _to: &mut TaskCapture) -> Result<(), StateError> {
        Ok(())
    }

    fn restore(&mut self, _from: &TaskSnapshot) -> Result<(), StateError> {
        Ok(())
    }
}
