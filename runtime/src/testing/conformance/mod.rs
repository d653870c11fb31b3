//! Checks that a connector keeps its contract. Each panics with what is wrong, so it is called from a test.
//!
//! ```
//! use millstream::connector::CollectionSource;
//! use millstream::testing::conformance;
//! conformance::source(|| CollectionSource::new(vec![1, 2, 3]), vec![3, 2, 1]);
//! ```

mod bag;
mod random;
mod resume;
mod sink;
mod source;

pub use sink::sink;
pub use source::source;

#[track_caller]
fn ok<T, E: std::fmt::Display>(result: Result<T, E>, what: &str) -> T {
    result.unwrap_or_else(|error| panic!("{what} failed: {error}"))
}

/// Writes a value as a snapshot would and reads it back.
fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned>(value: &T, what: &str) -> T {
    let bytes = rmp_serde::to_vec_named(value).unwrap_or_else(|error| panic!("{what} cannot be written: {error}"));
    rmp_serde::from_slice(&bytes).unwrap_or_else(|error| panic!("{what} cannot be read back: {error}"))
}
