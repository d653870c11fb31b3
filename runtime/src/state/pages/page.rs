//! The memory of pages: room for a fixed number of elements, filled from the front.
//!
//! The number depends only on the elements' size, so an element's page and its place there are known from its index.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::slice;

/// A page has about so many bytes: what the first write to it after a freeze copies.
const BYTES: usize = 1024;
/// Elements per page, as a shift: limits for large and for small elements.
const FEWEST: u32 = 3;
const MOST: u32 = 8;

/// A page that nobody writes to any more: owns its elements.
pub(super) struct Page<T> {
    at: PagePtr<T>,
    /// How many elements there are.
    filled: usize,
}

impl<T> Page<T> {
    /// For how many elements there is room, as a shift.
    pub(super) const BITS: u32 = match BYTES.checked_div(size_of::<T>()) {
        None => MOST,
        Some(0) => FEWEST,
        Some(fitting) if fitting.ilog2() < FEWEST => FEWEST,
        Some(fitting) if fitting.ilog2() > MOST => MOST,
        Some(fitting) => fitting.ilog2(),
    };
    /// For how many elements there is room.
    pub(super) const LEN: usize = 1 << Self::BITS;

    /// A page without elements.
    pub(super) fn new() -> Self {
        let layout = Self::layout();
        // SAFETY: the layout's size is not zero.
        let Some(first) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        Self { at: PagePtr(first.cast()), filled: 0 }
    }

    /// Takes over a page from its pointer.
    ///
    /// # Safety
    ///
    /// The pointer must come from [`Page::into_ptr`], `filled` elements must be there, and nobody else may take it over.
    pub(super) unsafe fn from_ptr(at: PagePtr<T>, filled: usize) -> Self {
        Self { at, filled }
    }

    /// Gives up the page to its pointer.
    pub(super) fn into_ptr(self) -> PagePtr<T> {
        ManuallyDrop::new(self).at
    }

    /// Drops the elements, and keeps the memory.
    pub(super) fn clear(&mut self) {
        let filled = std::mem::take(&mut self.filled);
        // SAFETY: so many elements are there, and nobody asks for them any more.
        unsafe { ptr::drop_in_place(ptr::slice_from_raw_parts_mut(self.at.0.as_ptr(), filled)) };
    }

    /// Of even alignment and not empty, so that every page has an even address of its own.
    fn layout() -> Layout {
        let elements = Layout::array::<T>(Self::LEN).expect("invariant: a page is small");
        let size = elements.size().max(1);
        Layout::from_size_align(size, elements.align().max(2)).expect("invariant: a page is small")
    }

    fn elements(&self) -> &[T] {
        // SAFETY: so many elements are there.
        unsafe { slice::from_raw_parts(self.at.0.as_ptr(), self.filled) }
    }
}

impl<T: Clone> Page<T> {
    /// Fills this page, which must be empty, with copies of another's elements.
    pub(super) fn fill_from(&mut self, other: &Self) {
        debug_assert_eq!(self.filled, 0);
        for element in other.elements() {
            // SAFETY: both pages have the same room. The count goes up with each element, since `clone` may panic.
            unsafe { self.at.element(self.filled).write(element.clone()) };
            self.filled += 1;
        }
    }
}

impl<T> Drop for Page<T> {
    fn drop(&mut self) {
        self.clear();
        // SAFETY: the memory was allocated with this layout.
        unsafe { dealloc(self.at.0.as_ptr().cast(), Self::layout()) };
    }
}

/// Where a page's first element stands. Says nothing of who owns it, nor of how many elements there are.
pub(super) struct PagePtr<T>(NonNull<T>);

impl<T> Clone for PagePtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for PagePtr<T> {}

// SAFETY: it stands for elements that are read from several threads, and dropped on any of them.
unsafe impl<T: Send + Sync> Send for PagePtr<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for PagePtr<T> {}

impl<T> PagePtr<T> {
    /// Where an element stands.
    ///
    /// # Safety
    ///
    /// The page must have room for it.
    #[inline]
    pub(super) unsafe fn element(self, offset: usize) -> NonNull<T> {
        // SAFETY: the caller's promise.
        unsafe { self.0.add(offset) }
    }
}

/// The lowest bit of an address, which pages do not need.
const SHARED: usize = 1;

/// A page of an array: its pointer, and whether a frozen version may have it.
pub(super) struct Slot<T>(PagePtr<T>);

impl<T> Slot<T> {
    /// A page that no version has.
    pub(super) fn new(page: PagePtr<T>) -> Self {
        Self(page)
    }

    #[inline]
    pub(super) fn page(&self) -> PagePtr<T> {
        // SAFETY: no page stands at address zero or one.
        PagePtr(unsafe { NonNull::new_unchecked(self.0.0.as_ptr().map_addr(|address| address & !SHARED)) })
    }

    #[inline]
    pub(super) fn is_shared(&self) -> bool {
        self.0.0.addr().get() & SHARED != 0
    }

    pub(super) fn set_shared(&mut self, shared: bool) {
        let page = self.page();
        self.0 = if shared { PagePtr(page.0.map_addr(|address| address | SHARED)) } else { page };
    }
}
