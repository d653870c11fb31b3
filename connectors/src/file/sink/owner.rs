//! Whose hidden files are whose.

use millstream::channel::hash::stable_hash;

/// What the names of all files end with that are hidden.
const SUFFIX: &str = ".inprogress";

/// A sink of a run: the same in all attempts, and no other at the same time, also over the same directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner(String);

impl Owner {
    /// A hash, since the sink's uid may be no part of a file's name; of the kind that is the same in every build, since
    /// the next attempt may run in another.
    pub(super) fn new(run: &str, sink: &str) -> Self {
        Self(format!("{:016x}", stable_hash(&(run, sink))))
    }

    /// Under which a file is hidden that is to become visible as `name`.
    pub(super) fn hidden_name(&self, name: &str) -> String {
        format!(".{name}.{}{SUFFIX}", self.0)
    }

    /// Whether [`Owner::hidden_name`] has made this name.
    pub(super) fn has_named(&self, name: &str) -> bool {
        let owned = name.strip_prefix('.').and_then(|name| name.strip_suffix(SUFFIX)?.strip_suffix(self.0.as_str()));
        owned.is_some_and(|name| name.ends_with('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_knows_its_files_and_no_others() {
        let owner = Owner::new("run", "sink");
        let name = owner.hidden_name("part-0-0-1f.txt");
        assert!(name.starts_with(".part-0-0-1f.txt."), "{name}");
        assert!(owner.has_named(&name) && Owner::new("run", "sink").has_named(&name));
        for other in [Owner::new("run", "other"), Owner::new("other", "sink"), Owner::new("runs", "ink")] {
            assert!(!other.has_named(&name), "{other:?}");
        }
        for foreign in ["part-0-0-1f.txt", ".part-0-0-1f.txt.inprogress", ".inprogress", ""] {
            assert!(!owner.has_named(foreign), "{foreign}");
        }
    }

    #[test]
    fn owners_are_the_same_in_every_build() {
        assert_eq!(Owner::new("00f1", "counts").0, "514a2a5790fd85f3");
    }
}
