//! Versions of an array of pages that other threads read while its owner goes on.
//!
//! A page that a version may have is never written to: the owner puts a copy in its place and the page itself into the
//! [`Bin`] of the newest version. The **lease** of a version keeps that bin and, through `later`, those of all versions
//! after it; so a page lives until every version is gone that was frozen before the page was replaced. The bin's lock is
//! what orders the readers' last look at a page before the owner's next write to it.

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::slice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The first element of a page. Says nothing of who owns it, nor of how many elements there are.
pub(super) struct PagePtr<T>(NonNull<T>);

impl<T> Clone for PagePtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for PagePtr<T> {}

// SAFETY: a pointer to elements that are read from several threads, and dropped on any of them.
unsafe impl<T: Send + Sync> Send for PagePtr<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for PagePtr<T> {}

impl<T> PagePtr<T> {
    /// Gives up a vector's memory, which is for exactly `capacity` elements.
    pub(super) fn of(elements: Vec<T>, capacity: usize) -> Self {
        let mut elements = ManuallyDrop::new(elements);
        assert!(elements.capacity() == capacity || size_of::<T>() == 0, "invariant: pages have one size");
        Self(NonNull::new(elements.as_mut_ptr()).expect("invariant: a vector's pointer is not null"))
    }

    #[inline]
    pub(super) fn element(self, offset: usize) -> *mut T {
        // Wrapping, since a hint may be given for an element that is not there.
        self.0.as_ptr().wrapping_add(offset)
    }

    /// The first `filled` elements.
    ///
    /// # Safety
    ///
    /// They must be there, and not be written to or dropped during `'a`.
    pub(super) unsafe fn elements<'a>(self, filled: usize) -> &'a [T] {
        // SAFETY: the caller's promise.
        unsafe { slice::from_raw_parts(self.0.as_ptr(), filled) }
    }
}

/// A page that nobody writes to any more: owns its elements.
pub(super) struct Page<T> {
    at: PagePtr<T>,
    filled: usize,
    capacity: usize,
}

impl<T> Page<T> {
    /// # Safety
    ///
    /// `at` must come from a vector of this capacity, of which `filled` elements are there, and that nobody else frees.
    pub(super) unsafe fn new(at: PagePtr<T>, filled: usize, capacity: usize) -> Self {
        Self { at, filled, capacity }
    }
}

impl<T> Drop for Page<T> {
    fn drop(&mut self) {
        // SAFETY: as promised to `new`.
        drop(unsafe { Vec::from_raw_parts(self.at.0.as_ptr(), self.filled, self.capacity) });
    }
}

/// The pages that the owner has replaced since a version was frozen.
pub(super) struct Bin<T>(Mutex<Contents<T>>);

pub(super) struct Contents<T> {
    pages: Vec<Page<T>>,
    /// Versions frozen later may have the same pages; what they have replaced, this version may have.
    later: Option<Arc<Lease<T>>>,
    /// Whether this version and those before it are gone.
    closed: bool,
}

impl<T> Bin<T> {
    fn lock(&self) -> MutexGuard<'_, Contents<T>> {
        // Whatever has panicked with the lock held has changed nothing: pages are put in when all else is done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The contents, as long as a version may have pages of the owner's; closing waits until they are given back.
    pub(super) fn open(&self) -> Option<MutexGuard<'_, Contents<T>>> {
        Some(self.lock()).filter(|contents| !contents.closed)
    }
}

impl<T> Contents<T> {
    /// Takes in a page that is not the owner's any more.
    pub(super) fn put(&mut self, page: Page<T>) {
        self.pages.push(page);
    }
}

/// Held by a version and by those before it; closes the version's bin.
struct Lease<T>(Arc<Bin<T>>);

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        let mut contents = self.0.lock();
        contents.closed = true;
        let (pages, later) = (std::mem::take(&mut contents.pages), contents.later.take());
        // The owner may be waiting for the lock.
        drop(contents);
        drop((pages, later));
    }
}

/// An array as it was when it was frozen.
pub(crate) struct Frozen<T> {
    table: Box<[PagePtr<T>]>,
    len: usize,
    page_bits: u32,
    _lease: Arc<Lease<T>>,
}

impl<T> Frozen<T> {
    /// A version of `len` elements, and where the owner is to put the pages that it replaces from now on; `before` is
    /// where it has put them until now.
    ///
    /// # Safety
    ///
    /// All pages but the last must hold `1 << page_bits` elements, the last one the rest. As long as the bin is open, none of
    /// them may be written to, or dropped other than by being put into it.
    pub(super) unsafe fn new(
        table: &[PagePtr<T>],
        len: usize,
        page_bits: u32,
        before: Option<&Bin<T>>,
    ) -> (Self, Arc<Bin<T>>) {
        let bin = Arc::new(Bin(Mutex::new(Contents { pages: Vec::new(), later: None, closed: false })));
        let lease = Arc::new(Lease(Arc::clone(&bin)));
        if let Some(mut before) = before.and_then(Bin::open) {
            before.later = Some(Arc::clone(&lease));
        }
        (Self { table: table.into(), len, page_bits, _lease: lease }, bin)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        let index = index as usize;
        assert!(index < self.len, "invariant: only indexes of elements are asked for");
        // SAFETY: there is such an element, and the lease keeps its page from being written to or dropped.
        unsafe { &*self.table[index >> self.page_bits].element(index & ((1 << self.page_bits) - 1)) }
    }
}
