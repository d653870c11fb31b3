//! How the owner of pages changes elements.

use std::mem::ManuallyDrop;

use super::super::prefetch::prefetch;
use super::frozen::Bin;
use super::page::{Page, PagePtr, Slot};

/// Larger elements often end in another line of the cache than they begin in.
const HALF_LINE_BYTES: usize = 32;

/// Changes elements of an array. In a loop faster than the array itself, whose parts are found anew for each element.
pub(crate) struct Writer<'a, T> {
    table: &'a mut [Slot<T>],
    len: usize,
    bin: Option<&'a Bin<T>>,
    /// Pages to copy to.
    spare: &'a mut Vec<Page<T>>,
}

impl<'a, T: Clone> Writer<'a, T> {
    /// # Safety
    ///
    /// All pages but the last must be full, and the last hold the rest of `len` elements. A page whose bit is clear must be
    /// the owner's alone; all others may be seen by versions only as long as the bin is open.
    #[inline]
    pub(super) unsafe fn new(
        table: &'a mut [Slot<T>],
        len: usize,
        bin: Option<&'a Bin<T>>,
        spare: &'a mut Vec<Page<T>>,
    ) -> Self {
        Self { table, len, bin, spare }
    }

    /// An element to look at, which copies no page.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        let index = index as usize;
        assert!(index < self.len, "invariant: only indexes of elements are asked for");
        // SAFETY: all pages but the last are full, so there is a page for the element, and it has the element.
        unsafe { self.table.get_unchecked(index >> Page::<T>::BITS).page().element(index % Page::<T>::LEN).as_ref() }
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        Writer { table: self.table, len: self.len, bin: self.bin, spare: self.spare }.into_mut(index)
    }

    #[inline]
    pub(super) fn into_mut(self, index: u32) -> &'a mut T {
        let page = self.make_own(index as usize);
        // SAFETY: the page has the element, and nobody else sees it.
        unsafe { page.element(index as usize % Page::<T>::LEN).as_mut() }
    }

    /// Sees to it that no version has the page that an element is in, and gives that.
    #[inline]
    pub(super) fn make_own(self, index: usize) -> PagePtr<T> {
        assert!(index < self.len, "invariant: only indexes of elements are asked for");
        let number = index >> Page::<T>::BITS;
        // SAFETY: there is a page for each element.
        let slot = unsafe { self.table.get_unchecked_mut(number) };
        if slot.is_shared() {
            let filled = Page::<T>::LEN.min(self.len - number * Page::<T>::LEN);
            unshare(slot, filled, self.bin, self.spare);
        }
        slot.page()
    }

    /// Starts to bring an element that will be needed soon into the cache.
    #[inline]
    pub(crate) fn prefetch(&self, index: u32) {
        if let Some(slot) = self.table.get(index as usize >> Page::<T>::BITS) {
            // SAFETY: a page has room for so many.
            let element = unsafe { slot.page().element(index as usize % Page::<T>::LEN) }.as_ptr();
            prefetch(element);
            if size_of::<T>() > HALF_LINE_BYTES {
                prefetch(element.wrapping_add(1).wrapping_byte_sub(1));
            }
        }
    }
}

/// Puts a copy in the place of a page with so many elements, unless all versions that had it are gone.
#[cold]
#[inline(never)]
fn unshare<T: Clone>(slot: &mut Slot<T>, filled: usize, bin: Option<&Bin<T>>, spare: &mut Vec<Page<T>>) {
    let Some(mut bin) = bin.and_then(Bin::open) else { return slot.set_shared(false) };
    // SAFETY: so many elements are there. Unless the page is replaced, it is given up again, also if cloning panics.
    let replaced = ManuallyDrop::new(unsafe { Page::from_ptr(slot.page(), filled) });
    let mut copy = spare.pop().unwrap_or_else(Page::new);
    copy.fill_from(&replaced);
    *slot = Slot::new(copy.into_ptr());
    bin.put(ManuallyDrop::into_inner(replaced));
}
