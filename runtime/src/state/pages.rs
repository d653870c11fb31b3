//! An array that grows without moving what it holds.

use super::prefetch::prefetch;

/// Elements per page, as a shift.
const PAGE_BITS: u32 = 10;
const PAGE_LEN: usize = 1 << PAGE_BITS;

/// A growing array in pages, so that growth never copies it: no pause grows with the size of the state.
#[derive(Debug, Clone)]
pub(crate) struct Pages<T> {
    /// All but the last are full.
    pages: Vec<Vec<T>>,
    /// The number of elements in all pages.
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
        self.find(index).expect("invariant: only indexes of elements are asked for")
    }

    /// The element at `index`, if there is one.
    #[inline]
    pub(crate) fn find(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        if index >= self.len {
            return None;
        }
        // SAFETY: all pages but the last are full, so an index below `len` is one of a page that there is, and of an
        // element of that page.
        Some(unsafe { self.pages.get_unchecked(index >> PAGE_BITS).get_unchecked(index % PAGE_LEN) })
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        let index = index as usize;
        assert!(index < self.len);
        // SAFETY: as for `find`.
        unsafe { self.pages.get_unchecked_mut(index >> PAGE_BITS).get_unchecked_mut(index % PAGE_LEN) }
    }

    /// Starts to bring an element that will be needed soon into the cache.
    #[inline]
    pub(crate) fn prefetch(&self, index: u32) {
        if let Some(page) = self.pages.get((index >> PAGE_BITS) as usize) {
            prefetch(page, index as usize % PAGE_LEN);
        }
    }

    /// Appends elements until `len` is reached.
    pub(crate) fn grow_to(&mut self, len: usize, mut make: impl FnMut() -> T) {
        while self.len < len {
            self.push(make());
        }
    }
}
