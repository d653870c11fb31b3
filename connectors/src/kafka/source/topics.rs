//! Which topics a source reads.

use millstream::connector::SourceError;
use rdkafka::metadata::{Metadata, MetadataTopic};
use regex::Regex;

use super::offsets::Partition;

/// The topics of a source: by name, or all whose names match a pattern.
///
/// ```
/// use millstream_connectors::kafka::Topics;
/// let (one, some) = (Topics::from("orders"), Topics::from(["orders", "returns"]));
/// let all = Topics::pattern("orders-(eu|us)");
/// # let _ = (one, some, all);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Named(Vec<String>),
    Pattern(String),
}

impl Topics {
    /// All topics whose whole name matches a regular expression; those that come later, too, if the source looks for them.
    pub fn pattern(pattern: impl Into<String>) -> Self {
        Self(Kind::Pattern(pattern.into()))
    }
}

impl From<&str> for Topics {
    fn from(topic: &str) -> Self {
        Self(Kind::Named(vec![topic.to_owned()]))
    }
}

impl From<String> for Topics {
    fn from(topic: String) -> Self {
        Self(Kind::Named(vec![topic]))
    }
}

impl From<Vec<String>> for Topics {
    fn from(topics: Vec<String>) -> Self {
        Self(Kind::Named(topics))
    }
}

impl<const N: usize> From<[&str; N]> for Topics {
    fn from(topics: [&str; N]) -> Self {
        Self(Kind::Named(topics.map(str::to_owned).to_vec()))
    }
}

impl std::fmt::Display for Topics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Kind::Named(topics) => f.write_str(&topics.join(",")),
            Kind::Pattern(pattern) => write!(f, "/{pattern}/"),
        }
    }
}

/// [`Topics`] that can be looked for.
pub(super) enum Lookup {
    Named(Vec<String>),
    Pattern(Regex),
}

impl Lookup {
    pub(super) fn new(topics: &Topics) -> Result<Self, String> {
        match &topics.0 {
            Kind::Named(topics) if topics.iter().all(String::is_empty) => Err("no topics are given".to_owned()),
            Kind::Named(topics) => Ok(Self::Named(topics.clone())),
            Kind::Pattern(pattern) => {
                let anchored = Regex::new(&format!("^(?:{pattern})$"));
                Ok(Self::Pattern(anchored.map_err(|error| format!("the pattern of topics `{pattern}`: {error}"))?))
            }
        }
    }

    /// Which topics to ask the cluster for, one after another; `None` is all.
    pub(super) fn requests(&self) -> Vec<Option<&str>> {
        match self {
            Self::Named(topics) => topics.iter().map(|topic| Some(topic.as_str())).collect(),
            Self::Pattern(_) => vec![None],
        }
    }

    /// The partitions that an answer tells of.
    pub(super) fn partitions(&self, answer: &Metadata) -> Result<Vec<Partition>, SourceError> {
        let mut found = Vec::new();
        for topic in answer.topics() {
            if let Self::Pattern(pattern) = self {
                // Kafka's own topics are for those who name them.
                if !pattern.is_match(topic.name()) || topic.name().starts_with("__") || topic.error().is_some() {
                    continue;
                }
            } else if let Some(reason) = missing(topic) {
                return Err(SourceError::Invalid(format!("topic {} {reason}", topic.name())));
            }
            found.extend(topic.partitions().iter().map(|partition| (topic.name().to_owned(), partition.id())));
        }
        Ok(found)
    }
}

fn missing(topic: &MetadataTopic) -> Option<String> {
    use rdkafka::error::RDKafkaErrorCode as E;
    match topic.error() {
        None if topic.partitions().is_empty() => Some("has no partitions".to_owned()),
        None => None,
        Some(error) => Some(match E::from(error) {
            E::UnknownTopicOrPartition | E::UnknownTopic => "does not exist: create it, or name another".to_owned(),
            error => format!("cannot be read: {error}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_to_match_the_whole_name() {
        let Ok(Lookup::Pattern(pattern)) = Lookup::new(&Topics::pattern("a|b.*")) else { panic!("no pattern") };
        assert!(pattern.is_match("a") && pattern.is_match("bc") && !pattern.is_match("ab") && !pattern.is_match("xa"));
    }

    #[test]
    fn a_pattern_that_is_none_is_named() {
        let error = Lookup::new(&Topics::pattern("a(")).map(drop).unwrap_err();
        assert!(error.contains("`a(`"), "{error}");
        assert!(Lookup::new(&Topics::from("")).is_err());
    }
}
