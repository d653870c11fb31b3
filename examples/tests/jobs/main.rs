//! The examples, run as their users run them: the built binaries on real files, against a plain computation.

#![allow(clippy::unwrap_used, reason = "a test")]

mod enrichment;
mod errors;
mod flight_delays;
mod fraud_detection;
mod interval_join;
mod plans;
mod rejects;
mod running;
mod sessions;
mod word_count;
