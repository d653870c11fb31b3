//! What most jobs use: `use millstream::prelude::*;`.

pub use crate::cep::PatternContext;
pub use crate::operator::{
    Aggregate, BroadcastContext, BroadcastProcess, CoProcess, Collector, Context, Either, KeyedBroadcastOperator,
    KeyedBroadcastProcess, KeyedCoProcess, KeyedContext, KeyedOperator, KeyedProcess, OutputTag, Process,
};
pub use crate::state::{Aggregating, BroadcastState, List, ListState, Map, Reducing, StateSpec, Ttl, UnionList, Value};
pub use crate::stream::{Environment, KeyedStream, Stream};
pub use crate::time::{Timestamp, WatermarkStrategy};
pub use crate::window::WindowContext;
pub use crate::{Data, Key, Result};
pub use millstream_macros::{KeyedOperator, Pattern, operator};
pub use std::time::Duration;
