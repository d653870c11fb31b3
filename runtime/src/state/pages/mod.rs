//! An array that grows without moving what it holds, and that can be frozen without copying it.
//!
//! The elements stand in pages. [`Pages::freeze`] copies the table of pages; after that, the owner copies a page before
//! it first changes an element of it. Whether it has to, a bit of the page's entry in the table says, so that a write
//! costs no atomic operation. What always holds: a page whose bit is clear is in no frozen version.

mod frozen;
mod page;
mod spares;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use frozen::Bin;
pub(crate) use frozen::Frozen;
use page::{Page, Slot};
use spares::Spares;
pub(crate) use writer::Writer;

/// A growing array in pages: no pause grows with the size of the state, but for copying the table of pages.
pub(crate) struct Pages<T> {
    /// All pages but the last are full.
    table: Vec<Slot<T>>,
    /// The number of elements in all pages.
    len: usize,
    /// Where shared pages go when they are replaced; `None` if no page is shared.
    bin: Option<Arc<Bin<T>>>,
    /// Pages to copy to.
    spare: Vec<Page<T>>,
    /// What to use after the next freeze.
    spares: Arc<Spares<T>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { table: Vec::new(), len: 0, bin: None, spare: Vec::new(), spares: Arc::default() }
    }
}

impl<T> Pages<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        assert!((index as usize) < self.len, "invariant: only indexes of elements are asked for");
        // SAFETY: there is such an element.
        unsafe { self.element(index).as_ref() }
    }

    /// The element at `index`, if there is one.
    #[inline]
    pub(crate) fn find(&self, index: u32) -> Option<&T> {
        if index as usize >= self.len {
            return None;
        }
        // SAFETY: there is such an element.
        Some(unsafe { self.element(index).as_ref() })
    }

    /// # Safety
    ///
    /// There must be such an element.
    #[inline]
    unsafe fn element(&self, index: u32) -> NonNull<T> {
        let index = index as usize;
        // SAFETY: all pages but the last are full, so an index below `len` is one of a page that there is, and of an
        // element of that page.
        unsafe { self.table.get_unchecked(index >> Page::<T>::BITS).page().element(index % Page::<T>::LEN) }
    }

    /// The array as it is now, for another thread to read.
    pub(crate) fn freeze(&mut self) -> Frozen<T> {
        let share = |slot: &mut Slot<T>| {
            slot.set_shared(true);
            slot.page()
        };
        let mut table = self.spares.take_table();
        table.reserve(self.table.len());
        table.extend(self.table.iter_mut().map(share));
        // What was not used since the last freeze is not needed.
        let surplus = std::mem::replace(&mut self.spare, self.spares.take_pages());
        let spares = (Arc::clone(&self.spares), surplus);
        // SAFETY: all bits are set now, so each page is replaced before it is written to; when the array is dropped,
        // pages whose bit is set are put into the bin.
        let (frozen, bin) = unsafe { Frozen::new(table, self.len, self.bin.as_deref(), spares) };
        self.bin = Some(bin);
        frozen
    }

    /// Whether a frozen version is still being read.
    pub(crate) fn is_frozen(&self) -> bool {
        self.bin.as_deref().and_then(Bin::open).is_some()
    }

    /// Takes over a page from the table.
    ///
    /// # Safety
    ///
    /// Only one of the two may be used any more.
    unsafe fn page(&self, number: usize) -> Page<T> {
        let filled = Page::<T>::LEN.min(self.len - number * Page::<T>::LEN);
        // SAFETY: all pages but the last are full, and the last holds the rest; and the caller's promise.
        unsafe { Page::from_ptr(self.table[number].page(), filled) }
    }
}

impl<T: Clone> Pages<T> {
    /// For many changes in a row.
    #[inline]
    pub(crate) fn writer(&mut self) -> Writer<'_, T> {
        // SAFETY: all pages but the last are full, the bin is that of the newest version.
        unsafe { Writer::new(&mut self.table, self.len, self.bin.as_deref(), &mut self.spare) }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        self.writer().into_mut(index)
    }

    pub(crate) fn push(&mut self, value: T) {
        let len = self.len;
        let last = match len % Page::<T>::LEN {
            0 => {
                let page = Page::new().into_ptr();
                self.table.push(Slot::new(page));
                page
            }
            _ => self.writer().make_own(len - 1),
        };
        // SAFETY: the last page has room, and nobody else sees it.
        unsafe { last.element(len % Page::<T>::LEN).write(value) };
        self.len += 1;
    }

    /// Appends elements until `len` is reached.
    pub(crate) fn grow_to(&mut self, len: usize, mut make: impl FnMut() -> T) {
        while self.len < len {
            self.push(make());
        }
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("len", &self.len).finish_non_exhaustive()
    }
}

impl<T> Drop for Pages<T> {
    fn drop(&mut self) {
        let mut bin = self.bin.as_deref().and_then(Bin::open);
        for number in 0..self.table.len() {
            // SAFETY: nobody asks the table for it any more.
            let page = unsafe { self.page(number) };
            match &mut bin {
                Some(bin) if self.table[number].is_shared() => bin.put(page),
                _ => drop(page),
            }
        }
    }
}
