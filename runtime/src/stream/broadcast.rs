//! A stream and a broadcast as the inputs of one operator.

use super::stream::NodeSpec;
use super::{ConnectedStreams, Stream};
use crate::data::Data;
use crate::operator::BroadcastProcess;
use crate::operator::broadcast::Broadcasting;
use crate::operator::process::{OnError, One, ProcessOperator};

/// A stream without keys, and a second one that every subtask of the operator sees: rules, rates, whatever changes while
/// the job runs.
///
/// A record may come before or after any of the broadcast, and in each subtask another one; only each stream by itself is
/// in order. The operator's watermark is the lower of the two streams': a broadcast without watermarks holds event time back
/// as long as it has not ended, so give it some, with an idle timeout if it is often silent.
pub struct BroadcastConnectedStream<T, B> {
    pub(super) streams: ConnectedStreams<T, B>,
}

impl<T, B> Clone for BroadcastConnectedStream<T, B> {
    fn clone(&self) -> Self {
        Self { streams: self.streams.clone() }
    }
}

impl<T: Data, B: Data> BroadcastConnectedStream<T, B> {
    pub(super) fn new(stream: Stream<T>, broadcast: Stream<B>) -> Self {
        Self { streams: ConnectedStreams::new(stream, broadcast.broadcast()) }
    }

    /// Applies a [`BroadcastProcess`].
    ///
    /// ```
    /// # use millstream::prelude::*;
    /// /// Words that are not forbidden.
    /// #[derive(Clone)]
    /// struct Allowed;
    ///
    /// impl BroadcastProcess for Allowed {
    ///     type In = String;
    ///     type Broadcast = String;
    ///     type Shared = BroadcastState<String, ()>;
    ///     type Out = String;
    ///
    ///     fn process(
    ///         &mut self,
    ///         word: String,
    ///         forbidden: &Self::Shared,
    ///         _ctx: &mut Context<'_>,
    ///         out: &mut Collector<String>,
    ///     ) -> Result<()> {
    ///         out.extend((!forbidden.contains_key(&word)).then_some(word));
    ///         Ok(())
    ///     }
    ///
    ///     fn process_broadcast(
    ///         &mut self,
    ///         word: String,
    ///         forbidden: &mut Self::Shared,
    ///         _ctx: &mut Context<'_>,
    ///         _out: &mut Collector<String>,
    ///     ) -> Result<()> {
    ///         forbidden.insert(word, ());
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let env = Environment::new("example");
    /// let [words, forbidden] = [vec!["b".to_owned()], vec![]].map(|list| env.from_collection(list));
    /// let out = words.connect_broadcast(forbidden).process("allowed", Allowed).collect();
    /// # env.execute()?;
    /// assert_eq!(out.take(), ["b"]);
    /// # Ok::<(), millstream::JobError>(())
    /// ```
    #[track_caller]
    pub fn process<P: BroadcastProcess<In = T, Broadcast = B>>(self, name: &str, process: P) -> Stream<P::Out> {
        self.process_or(name, process, OnError::Fail)
    }

    /// [`BroadcastConnectedStream::process`] with a policy for records on which it fails. A failure on the broadcast
    /// fails the job all the same.
    #[track_caller]
    pub fn process_or<P>(self, name: &str, process: P, on_error: OnError<T>) -> Stream<P::Out>
    where
        P: BroadcastProcess<In = T, Broadcast = B>,
    {
        let mut process = Broadcasting::new(process);
        let invalid = process.invalid();
        let spec = NodeSpec { anonymous: false, invalid, ..NodeSpec::anonymous(name) }.stateful();
        self.streams.transform(spec, move |_| ProcessOperator::<_, One>::new(process.clone(), on_error.clone()))
    }
}
