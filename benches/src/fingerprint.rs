//! What a side of a workload has emitted, in two numbers.

use std::fmt;

/// How many results there were, and the wrapping sum of their codes.
///
/// Does not depend on the order of the results, so that it is the same for every parallelism.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// The number of results.
    pub count: u64,
    /// The wrapping sum of the results' codes.
    pub sum: u64,
}

impl Fingerprint {
    /// Counts a result in.
    #[inline(always)]
    pub fn add(&mut self, code: u64) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(code);
    }

    /// Counts the results of another in.
    pub fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} results with code sum {:016x}", self.count, self.sum)
    }
}
