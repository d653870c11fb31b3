//! Which files a directory hides: those whose name, or whose directory's name, begins with `.` or `_`.

use std::ffi::OsStr;

/// Whether a name hides a file or directory.
pub(super) fn is_hidden(name: &OsStr) -> bool {
    matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_or_an_underscore_in_front_hides() {
        for (name, hidden) in [(".git", true), ("_SUCCESS", true), ("a.txt", false), ("a_b", false), ("", false)] {
            assert_eq!(is_hidden(OsStr::new(name)), hidden, "{name}");
        }
    }
}
