//! A part of a file, with its reading position.
//!
//! A row belongs to the split in which its first byte is. So a split that does not begin the file leaves out the rest
//! of the row that goes on into it, and every split reads its last row to that row's end, beyond its own.

use std::path::Path;
use std::sync::Arc;

use millstream::connector::Split;
use serde::{Deserialize, Serialize};

use super::blocks::count_lines;

/// A range of a file's bytes. Offsets in a compressed file count decompressed bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSplit {
    id: Arc<str>,
    path: Arc<Path>,
    /// The first byte of the range.
    start: u64,
    /// The byte after the range; `None` for the end of the file, wherever that is when it is read.
    end: Option<u64>,
    /// Where the next row begins; `None` if nothing has been read yet.
    at: Option<Resume>,
    /// What the positions of its records count.
    #[serde(default)]
    counted: Counted,
}

/// What tells where a record stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counted {
    /// The line, or the byte where lines are not known.
    #[default]
    Lines,
    /// The number of the record in the file.
    Rows,
    /// The first byte of its block.
    Blocks,
}

/// Where reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Resume {
    /// The first byte of the next row.
    pub(super) offset: u64,
    /// The number of its line, from 1; `None` in a split that does not begin the file.
    pub(super) line: Option<u64>,
    /// In a file of blocks: how many records of the block that begins at `offset` have been read.
    #[serde(default)]
    pub(super) records: u64,
}

impl FileSplit {
    /// The bytes from `start` to `end` of a file.
    pub(super) fn new(path: &Path, start: u64, end: Option<u64>) -> Self {
        let id = match end {
            None if start == 0 => path.display().to_string(),
            None => format!("{} from byte {start}", path.display()),
            Some(end) => format!("{} bytes {start} to {end}", path.display()),
        };
        Self { id: id.into(), path: path.into(), start, end, at: None, counted: Counted::Lines }
    }

    /// The same split of a file whose records are counted otherwise.
    pub(super) fn counting(self, counted: Counted) -> Self {
        Self { counted, ..self }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts a file of `len` bytes into splits of about `size` bytes. The last one reads to the end of the file, also
    /// if the file has grown by then.
    pub(super) fn cut(path: &Path, len: u64, size: u64) -> Vec<Self> {
        let size = size.max(1);
        let count = len.div_ceil(size).max(1);
        let end = |number: u64| (number + 1 < count).then_some((number + 1) * size);
        (0..count).map(|number| Self::new(path, number * size, end(number))).collect()
    }

    pub(super) fn shared_id(&self) -> Arc<str> {
        Arc::clone(&self.id)
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn end(&self) -> u64 {
        self.end.unwrap_or(u64::MAX)
    }

    pub(super) fn resume(&self) -> Option<Resume> {
        self.at
    }

    /// The same split, to go on at `at`.
    pub(super) fn resumed_at(&self, at: Resume) -> Self {
        Self { at: Some(at), ..self.clone() }
    }

    /// Whether its line numbers are known without reading what comes before it.
    pub(super) fn counts_lines(&self) -> bool {
        self.start == 0 && self.counted == Counted::Lines
    }
}

impl Split for FileSplit {
    fn id(&self) -> &str {
        &self.id
    }

    fn name(&self) -> Arc<str> {
        self.path.display().to_string().into()
    }

    fn position_unit(&self) -> &'static str {
        match self.counted {
            Counted::Lines if self.counts_lines() => "line",
            Counted::Rows => "row",
            Counted::Lines | Counted::Blocks => "byte",
        }
    }

    fn place(&self, position: u64) -> String {
        let path = self.path.display();
        match self.counted {
            Counted::Lines => {}
            Counted::Rows => return format!("{path} row {position}"),
            Counted::Blocks => return format!("{path}, in the block at byte {position}"),
        }
        let line = if self.counts_lines() { Ok(position) } else { line_at(&self.path, position) };
        match line {
            Ok(line) => format!("{path} line {line}"),
            Err(_) => format!("{path} byte {position}"),
        }
    }
}

/// The number of the line that begins at byte `offset` of a plain file, by counting those before it.
pub(super) fn line_at(path: &Path, offset: u64) -> std::io::Result<u64> {
    Ok(count_lines(std::fs::File::open(path)?, offset)? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(len: u64, size: u64) -> Vec<(u64, Option<u64>)> {
        let path = Path::new("f");
        FileSplit::cut(path, len, size).iter().map(|split| (split.start, split.end)).collect()
    }

    #[test]
    fn splits_lie_side_by_side_and_the_last_is_open() {
        assert_eq!(bounds(10, 4), [(0, Some(4)), (4, Some(8)), (8, None)]);
        assert_eq!(bounds(8, 4), [(0, Some(4)), (4, None)]);
        assert_eq!(bounds(0, 4), [(0, None)]);
        assert_eq!(bounds(3, 4), [(0, None)]);
    }
}
