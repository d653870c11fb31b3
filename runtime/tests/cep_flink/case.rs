//! Cases: a pattern, its input, and what Flink makes of them. One JSON object is one case, for both sides to read.

use serde::{Deserialize, Serialize};

/// A pattern and a stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) pattern: Vec<Step>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) skip: Option<Skip>,
    /// Events of equal time are sorted by their values.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) by_value: bool,
    /// Times of events are those of the clock, and watermarks its advance.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) processing_time: bool,
    pub(crate) input: Vec<Input>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) flink: Option<Answer>,
}

/// A stage or a group of them, and how it follows the one before.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    pub(crate) link: Link,
    /// Of a stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Of a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<Vec<Step>>,
    /// In the order in which they are applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) with: Vec<Modifier>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Link {
    Begin,
    Next,
    FollowedBy,
    FollowedByAny,
    NotNext,
    NotFollowedBy,
}

impl Link {
    /// Whether the stage must not be there.
    pub(crate) fn is_negative(self) -> bool {
        matches!(self, Link::NotNext | Link::NotFollowedBy)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Modifier {
    Where(Condition),
    Or(Condition),
    Until(Condition),
    Times(u32),
    TimesRange(u32, u32),
    TimesOrMore(u32),
    OneOrMore,
    /// Between events of the loop before, in milliseconds.
    RepeatsWithin(i64),
    Optional,
    Greedy,
    Consecutive,
    AllowCombinations,
    /// Between the first and the last event, in milliseconds.
    Within(i64),
    /// Between an event and the one before.
    WithinEach(i64),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    Any,
    Kind(String),
    Above(i64),
    /// The value is above that of the last event of a stage, if there is one.
    Rises(String),
    /// With the values of a stage's events it stays below a limit.
    Sum(String, i64),
}

impl Condition {
    /// Whether it asks for what was matched before.
    pub(crate) fn looks_back(&self) -> bool {
        matches!(self, Condition::Rises(_) | Condition::Sum(..))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Skip {
    Next,
    PastLast,
    /// To a stage, and whether to fail where the match has none.
    First(String, bool),
    Last(String, bool),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Input {
    /// Kind, value, time and key.
    Event(String, i64, i64, u32),
    Watermark(i64),
}

/// What becomes of a case. Matches are written as `a:0,2 b:3@17`: stages by name, events by number, and a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refused: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) matches: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) timed_out: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) late: Vec<usize>,
}

fn is_false(value: &bool) -> bool {
    !value
}
