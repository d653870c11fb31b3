//! Whether results are given as they come, or once.

use std::fmt;
use std::str::FromStr;

/// Whether a job gives results as records come, or only final ones at the end of its input.
///
/// ```
/// use millstream::prelude::*;
/// use millstream::stream::RuntimeMode;
///
/// let env = Environment::new("counts");
/// env.set_runtime_mode(RuntimeMode::Batch);
/// let words = env.from_collection(["to", "be", "or", "to"].map(str::to_owned));
/// let counts = words.key_by(|word| word).count().collect();
/// env.execute()?;
/// assert_eq!(counts.take_sorted(), [("be".to_owned(), 1), ("or".to_owned(), 1), ("to".to_owned(), 2)]);
/// # Ok::<(), millstream::JobError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RuntimeMode {
    /// Results come with the records, and rolling aggregates give one for each.
    #[default]
    Streaming,
    /// For jobs whose sources all end: there is no watermark before the end of the input, so nothing is late and each window
    /// fires once, and rolling aggregates give the last result of each key. State is kept in memory, and there are no
    /// checkpoints: a job that is restarted begins anew. Records travel as in a stream: they are not sorted by key, nor does a
    /// stage wait for the end of the one before it.
    Batch,
}

impl fmt::Display for RuntimeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Streaming => "streaming",
            Self::Batch => "batch",
        })
    }
}

impl FromStr for RuntimeMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "streaming" => Ok(Self::Streaming),
            "batch" => Ok(Self::Batch),
            _ => Err("write `streaming` or `batch`".to_owned()),
        }
    }
}
