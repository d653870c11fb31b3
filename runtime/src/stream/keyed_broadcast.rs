//! A keyed stream and a broadcast as the inputs of one operator.

use std::sync::Arc;

use super::stream::NodeSpec;
use super::{BroadcastConnectedStream, KeyedStream, Stream};
use crate::data::{Data, Key};
use crate::operator::KeyedBroadcastOperator;
use crate::operator::broadcast::KeyedBroadcast;
use crate::operator::keyed::{KeySelector, KeyedRunner};
use crate::operator::process::OnError;

/// A stream whose records are grouped by key, and a second one that every subtask of the operator sees.
pub struct KeyedBroadcastConnectedStream<K, T, B> {
    inputs: BroadcastConnectedStream<T, B>,
    selector: Arc<dyn KeySelector<T, K>>,
}

impl<K, T, B> Clone for KeyedBroadcastConnectedStream<K, T, B> {
    fn clone(&self) -> Self {
        Self { inputs: self.inputs.clone(), selector: Arc::clone(&self.selector) }
    }
}

impl<K: Key, T: Data, B: Data> KeyedBroadcastConnectedStream<K, T, B> {
    pub(super) fn new(stream: KeyedStream<K, T>, broadcast: Stream<B>) -> Self {
        let selector = Arc::clone(&stream.selector);
        Self { inputs: BroadcastConnectedStream::new(stream.stream, broadcast), selector }
    }

    /// Applies a [`KeyedBroadcastOperator`].
    #[track_caller]
    pub fn process<P>(self, name: &str, operator: P) -> Stream<P::Out>
    where
        P: KeyedBroadcastOperator<K, In = T, Broadcast = B>,
    {
        self.process_or(name, operator, OnError::Fail)
    }

    /// [`KeyedBroadcastConnectedStream::process`] with a policy for records on which it fails. A failure on the broadcast
    /// fails the job all the same.
    #[track_caller]
    pub fn process_or<P>(self, name: &str, operator: P, on_error: OnError<T>) -> Stream<P::Out>
    where
        P: KeyedBroadcastOperator<K, In = T, Broadcast = B>,
    {
        let mut operator = KeyedBroadcast::<K, P>::new(operator);
        let invalid = operator.invalid();
        let spec = NodeSpec { anonymous: false, invalid, ..NodeSpec::anonymous(name) }.stateful();
        let Self { inputs, selector } = self;
        inputs
            .streams
            .transform(spec, move |_| KeyedRunner::new(operator.clone(), Arc::clone(&selector), on_error.clone()))
    }
}
