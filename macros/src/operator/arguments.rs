//! What `#[operator(..)]` may say.

use crate::attribute::{Argument, Arguments, Takes};
use crate::diagnostics::Diagnostics;

/// All arguments; which of them fit an item is a rule of its kind.
pub(crate) const ARGUMENTS: &[Argument] = &[
    Argument { key: "map", takes: Takes::Nothing, example: "map" },
    Argument { key: "filter", takes: Takes::Nothing, example: "filter" },
    Argument { key: "flat_map", takes: Takes::Nothing, example: "flat_map" },
    Argument { key: "process", takes: Takes::Nothing, example: "process" },
    Argument { key: "keyed", takes: Takes::Nothing, example: "keyed" },
    Argument { key: "connect", takes: Takes::Nothing, example: "connect" },
    Argument { key: "broadcast", takes: Takes::Nothing, example: "broadcast" },
    Argument { key: "cep", takes: Takes::Nothing, example: "cep" },
    Argument { key: "join", takes: Takes::Nothing, example: "join" },
    Argument { key: "reduce", takes: Takes::Nothing, example: "reduce" },
    Argument { key: "blocking", takes: Takes::Either, example: "blocking = 16" },
    Argument { key: "order", takes: Takes::Value, example: "order = unordered" },
    Argument { key: "capacity", takes: Takes::Value, example: "capacity = 100" },
    Argument { key: "timeout", takes: Takes::Value, example: "timeout = \"1 s\"" },
    Argument { key: "timed_out", takes: Takes::Value, example: "timed_out = |user| Profile::unknown(user)" },
    Argument { key: "retry", takes: Takes::Value, example: "retry = fixed_delay(3, \"100 ms\")" },
    Argument { key: "key", takes: Takes::Value, example: "key = record.field" },
    Argument { key: "window", takes: Takes::Value, example: "window = tumbling(\"1 min\")" },
    Argument { key: "window_all", takes: Takes::Value, example: "window_all = tumbling(\"1 min\")" },
    Argument { key: "trigger", takes: Takes::Value, example: "trigger = count(100)" },
    Argument { key: "evictor", takes: Takes::Value, example: "evictor = count(100)" },
    Argument { key: "allowed_lateness", takes: Takes::Value, example: "allowed_lateness = \"10 s\"" },
    Argument { key: "late", takes: Takes::Value, example: "late = TAG" },
    Argument { key: "processing_time", takes: Takes::Nothing, example: "processing_time" },
    Argument { key: "on_error", takes: Takes::Value, example: "on_error = skip" },
    Argument { key: "uid", takes: Takes::Value, example: "uid = \"clicks\"" },
    Argument { key: "name", takes: Takes::Value, example: "name = \"clicks per user\"" },
    Argument { key: "parallelism", takes: Takes::Value, example: "parallelism = 4" },
];

/// The arguments that only windowed operators have.
pub(crate) const WINDOWED: &[&str] =
    &["key", "window", "window_all", "trigger", "evictor", "allowed_lateness", "late", "reduce"];

/// The arguments that only asynchronous operators have.
pub(crate) const ASYNCHRONOUS: &[&str] = &["order", "capacity", "timeout", "timed_out", "retry"];

/// The arguments that windowed operators cannot have.
pub(crate) const PER_RECORD: &[&str] = &[
    "map",
    "filter",
    "flat_map",
    "process",
    "keyed",
    "connect",
    "broadcast",
    "join",
    "blocking",
    "order",
    "capacity",
    "timeout",
    "timed_out",
    "retry",
];

/// The arguments that only operators on patterns have. Two more, `timed_out` and `order`, are those of asynchronous ones, too.
pub(crate) const ON_PATTERNS: &[&str] = &["cep", "processing_time"];

/// The arguments that operators on patterns may have.
pub(crate) const CEP: &[&str] =
    &["cep", "key", "late", "timed_out", "order", "processing_time", "on_error", "uid", "name", "parallelism"];

/// The arguments that operators on pairs may have.
pub(crate) const JOIN: &[&str] = &["join", "on_error", "uid", "name", "parallelism"];

/// Rule: what belongs to patterns needs one.
pub(crate) fn check_no_pattern(arguments: &Arguments, diagnostics: &mut Diagnostics) {
    for key in arguments.keys().filter(|key| ON_PATTERNS.iter().any(|word| *key == word)) {
        let fix = "write `#[operator(cep, ..)]` on a function that takes a pattern's match, or leave it out";
        diagnostics.error(key, format!("`{key}` belongs to an operator on patterns, and this is none: {fix}"));
    }
}
