//! Names of part files that no other writer makes.

use std::hash::{BuildHasher, RandomState};

/// Makes the names of one writer's files: `part-<subtask>-<number>-<token><suffix>`.
pub(super) struct Names {
    prefix: String,
    suffix: String,
    /// Random, so that no writer of another run, attempt or sink over the same directory has the same.
    token: u64,
    next: u64,
}

impl Names {
    pub(super) fn new(prefix: String, subtask: usize, suffix: String) -> Self {
        Self { prefix: format!("{prefix}-{subtask}"), suffix, token: RandomState::new().hash_one(subtask), next: 0 }
    }

    /// A new name.
    pub(super) fn next(&mut self) -> String {
        let Self { prefix, suffix, token, next } = self;
        let name = format!("{prefix}-{next}-{token:016x}{suffix}");
        *next += 1;
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_the_same() {
        let mut names = Names::new("part".to_owned(), 3, ".csv".to_owned());
        let mut others = Names::new("part".to_owned(), 3, ".csv".to_owned());
        let (first, second, other) = (names.next(), names.next(), others.next());
        assert!(first.starts_with("part-3-0-") && first.ends_with(".csv"), "{first}");
        assert!(first != second && first != other, "{first} {second} {other}");
    }
}
