//! What tests of jobs, operators and connectors are made of.

pub mod conformance;
