//! Micro workloads.
fn main() {}
