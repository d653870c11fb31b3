//! An array that grows without moving what it holds.

/// Elements per page, as a shift.
const PAGE_BITS: u32 = 10;
const PAGE_LEN: usize = 1 << PAGE_BITS;

/// A growing array in pages, so that growth never copies it: no pause grows with the size of the state.
#[derive(Debug, Clone)]
pub(crate) struct Pages<T> {
    pages: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }
}

impl<T> Pages<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.len.is_multiple_of(PAGE_LEN) {
            self.pages.push(Vec::with_capacity(PAGE_LEN));
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(value);
        }
        self.len += 1;
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        &self.pages[(index >> PAGE_BITS) as usize][index as usize % PAGE_LEN]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        &mut self.pages[(index >> PAGE_BITS) as usize][index as usize % PAGE_LEN]
    }

    /// Appends elements until `len` is reached.
    pub(crate) fn grow_to(&mut self, len: usize, mut make: impl FnMut() -> T) {
        while self.len < len {
            self.push(make());
        }
    }
}
