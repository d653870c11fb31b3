//! Versions of an array of pages that other threads read while its owner goes on.
//!
//! A page that a version may have is never written to: the owner puts a copy in its place and the page itself into the
//! [`Bin`] of the newest version. The **lease** of a version keeps that bin and, through `later`, those of all versions
//! after it; so a page lives until every version is gone that was frozen before the page was replaced. The bin's lock is
//! what orders the readers' last look at a page before the owner's next write to it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::page::{Page, PagePtr};
use super::spares::Spares;

/// The pages that the owner has replaced since a version was frozen.
pub(super) struct Bin<T> {
    contents: Mutex<Contents<T>>,
    /// Where they go when no version has them any more.
    spares: Arc<Spares<T>>,
}

pub(super) struct Contents<T> {
    pages: Vec<Page<T>>,
    /// Spare pages that the owner has had no use for, to be freed by whoever is the last to read this version.
    surplus: Vec<Page<T>>,
    /// Versions frozen later may have the same pages; what they have replaced, this version may have.
    later: Option<Arc<Lease<T>>>,
    /// Whether this version and those before it are gone.
    closed: bool,
}

impl<T> Bin<T> {
    fn lock(&self) -> MutexGuard<'_, Contents<T>> {
        // Whatever has panicked with the lock held has changed nothing: pages are put in when all else is done.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
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
        let (pages, surplus) = (std::mem::take(&mut contents.pages), std::mem::take(&mut contents.surplus));
        let later = contents.later.take();
        // The owner may be waiting for the lock.
        drop(contents);
        self.0.spares.put_pages(pages);
        drop((surplus, later));
    }
}

/// An array as it was when it was frozen.
pub(crate) struct Frozen<T> {
    table: Vec<PagePtr<T>>,
    len: usize,
    lease: Arc<Lease<T>>,
}

impl<T> Frozen<T> {
    /// A version of `len` elements, and where the owner is to put the pages that it replaces from now on; `before` is
    /// where it has put them until now. What no version has any more becomes a spare; the surplus is freed.
    ///
    /// # Safety
    ///
    /// All pages but the last must be full, and the last hold the rest. As long as the bin is open, none of them may be
    /// written to, or dropped other than by being put into it.
    pub(super) unsafe fn new(
        table: Vec<PagePtr<T>>,
        len: usize,
        before: Option<&Bin<T>>,
        (spares, surplus): (Arc<Spares<T>>, Vec<Page<T>>),
    ) -> (Self, Arc<Bin<T>>) {
        let contents = Contents { pages: Vec::new(), surplus, later: None, closed: false };
        let bin = Arc::new(Bin { contents: Mutex::new(contents), spares });
        let lease = Arc::new(Lease(Arc::clone(&bin)));
        if let Some(mut before) = before.and_then(Bin::open) {
            before.later = Some(Arc::clone(&lease));
        }
        (Self { table, len, lease }, bin)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        let index = index as usize;
        assert!(index < self.len, "invariant: only indexes of elements are asked for");
        // SAFETY: there is such an element, and the lease keeps its page from being written to or dropped.
        unsafe { self.table[index >> Page::<T>::BITS].element(index % Page::<T>::LEN).as_ref() }
    }
}

impl<T> Drop for Frozen<T> {
    fn drop(&mut self) {
        self.lease.0.spares.put_table(std::mem::take(&mut self.table));
    }
}
