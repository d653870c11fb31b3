//! What is done with messages that are malformed.

use millstream::connector::{ReadBuffer, SourceError};

use super::{DeserializeError, Fault};

/// What is done with a message or a row that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Malformed {
    /// The job fails, with the place: file, line and column, or partition and offset.
    #[default]
    Fail,
    /// It is left out and counted.
    Skip,
    /// It goes to the source's side output of rejects, with its place and what is wrong.
    SideOutput,
}

impl Malformed {
    /// Deals with a message of which no record can be made: the error is the job's, or the buffer is told of what was left
    /// out. What cannot be read for want of something else is an error whatever the policy.
    ///
    /// ```
    /// use millstream::connector::ReadBuffer;
    /// use millstream_connectors::format::{Fault, Malformed};
    ///
    /// let mut out = ReadBuffer::<u64>::default();
    /// let place = |_: &Fault| "topic orders partition 1 offset 7".to_owned();
    /// Malformed::SideOutput.settle(Fault::new("expected value").into(), b"x", place, &mut out)?;
    /// assert_eq!(out.rejected()[0], ("topic orders partition 1 offset 7: expected value".into(), "x".into()));
    /// # Ok::<(), millstream::connector::SourceError>(())
    /// ```
    pub fn settle<T>(
        self,
        error: DeserializeError,
        message: &[u8],
        place: impl FnOnce(&Fault) -> String,
        out: &mut ReadBuffer<T>,
    ) -> Result<(), SourceError> {
        let fault = match error {
            DeserializeError::Malformed(fault) => fault,
            DeserializeError::Io { what, error } => return Err(SourceError::Io { what, error }),
        };
        if self == Self::Skip {
            out.skip();
            return Ok(());
        }
        let error = SourceError::Malformed { place: place(&fault), reason: fault.reason };
        if self == Self::Fail {
            return Err(error);
        }
        out.reject(error.to_string(), String::from_utf8_lossy(message).into_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn each_policy_does_what_it_says() {
        let settle = |policy: Malformed| {
            let mut out = ReadBuffer::<u64>::default();
            let settled = policy.settle(Fault::new("no number").into(), b"x", |_| "line 3".to_owned(), &mut out);
            (settled.map_err(|error| error.to_string()), out.skipped(), out.rejected().to_vec())
        };
        assert_eq!(settle(Malformed::Fail), (Err("line 3: no number".to_owned()), 0, vec![]));
        assert_eq!(settle(Malformed::Skip), (Ok(()), 1, vec![]));
        let rejected = ("line 3: no number".to_owned(), "x".to_owned());
        assert_eq!(settle(Malformed::SideOutput), (Ok(()), 0, vec![rejected]));
    }

    #[test]
    fn no_policy_leaves_a_message_out_that_only_lacks_its_schema() {
        for policy in [Malformed::Fail, Malformed::Skip, Malformed::SideOutput] {
            let error = DeserializeError::Io { what: "schema 7".to_owned(), error: io::Error::other("unreachable") };
            let mut out = ReadBuffer::<u64>::default();
            let error = policy.settle(error, b"x", |_| String::new(), &mut out).unwrap_err();
            assert_eq!(error.to_string(), "schema 7: unreachable");
        }
    }
}
