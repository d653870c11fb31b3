//! Timestamps as RFC 3339 text, for `#[serde(with = "millstream::time::rfc3339")]`.
//!
//! ```
//! use millstream::prelude::*;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Departure {
//!     #[serde(with = "millstream::time::rfc3339")]
//!     at: Timestamp,
//! }
//!
//! let departure: Departure = serde_json::from_str(r#"{"at":"2001-01-01T07:00:00Z"}"#).unwrap();
//! assert_eq!(departure.at, Timestamp::from_millis(978_332_400_000));
//! assert_eq!(serde_json::to_string(&departure).unwrap(), r#"{"at":"2001-01-01T07:00:00Z"}"#);
//! ```

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;

use super::Timestamp;

/// Writes a timestamp such as `2001-01-01T07:00:00Z`.
pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

/// Reads an RFC 3339 instant.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    deserializer.deserialize_str(TextVisitor)
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 instant such as `2001-01-01T07:00:00Z`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
        text.parse().map_err(|error| E::custom(format_args!("`{text}` is not an RFC 3339 instant: {error}")))
    }
}
