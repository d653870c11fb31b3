//! What `#[operator(..)]` may say.

use crate::attribute::{Argument, Takes};

/// All arguments; which of them fit an item is a rule of its kind.
pub(crate) const ARGUMENTS: &[Argument] = &[
    Argument { key: "map", takes: Takes::Nothing, example: "map" },
    Argument { key: "filter", takes: Takes::Nothing, example: "filter" },
    Argument { key: "flat_map", takes: Takes::Nothing, example: "flat_map" },
    Argument { key: "process", takes: Takes::Nothing, example: "process" },
    Argument { key: "keyed", takes: Takes::Nothing, example: "keyed" },
    Argument { key: "connect", takes: Takes::Nothing, example: "connect" },
    Argument { key: "broadcast", takes: Takes::Nothing, example: "broadcast" },
    Argument { key: "reduce", takes: Takes::Nothing, example: "reduce" },
    Argument { key: "blocking", takes: Takes::Either, example: "blocking = 16" },
    Argument { key: "key", takes: Takes::Value, example: "key = record.field" },
    Argument { key: "window", takes: Takes::Value, example: "window = tumbling(\"1 min\")" },
    Argument { key: "window_all", takes: Takes::Value, example: "window_all = tumbling(\"1 min\")" },
    Argument { key: "trigger", takes: Takes::Value, example: "trigger = count(100)" },
    Argument { key: "evictor", takes: Takes::Value, example: "evictor = count(100)" },
    Argument { key: "allowed_lateness", takes: Takes::Value, example: "allowed_lateness = \"10 s\"" },
    Argument { key: "late", takes: Takes::Value, example: "late = TAG" },
    Argument { key: "on_error", takes: Takes::Value, example: "on_error = skip" },
    Argument { key: "uid", takes: Takes::Value, example: "uid = \"clicks\"" },
    Argument { key: "name", takes: Takes::Value, example: "name = \"clicks per user\"" },
    Argument { key: "parallelism", takes: Takes::Value, example: "parallelism = 4" },
];

/// The arguments that only windowed operators have.
pub(crate) const WINDOWED: &[&str] =
    &["key", "window", "window_all", "trigger", "evictor", "allowed_lateness", "late", "reduce"];

/// The arguments that windowed operators cannot have.
pub(crate) const PER_RECORD: &[&str] =
    &["map", "filter", "flat_map", "process", "keyed", "connect", "broadcast", "blocking"];
