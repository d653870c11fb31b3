//! Memory that frozen versions give back to the owner of the pages, for the next ones.
//!
//! What has been written to before is nearer than what the allocator gives, which first has to come from the system: that
//! would make the pause of a freeze, and of the first writes after it, several times as long. Nor is memory freed on one
//! thread that another has allocated.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::page::{Page, PagePtr};

/// Memory to use again.
pub(super) struct Spares<T>(Mutex<Contents<T>>);

struct Contents<T> {
    /// Without elements.
    pages: Vec<Page<T>>,
    /// Without entries.
    table: Vec<PagePtr<T>>,
}

impl<T> Default for Spares<T> {
    fn default() -> Self {
        Self(Mutex::new(Contents { pages: Vec::new(), table: Vec::new() }))
    }
}

impl<T> Spares<T> {
    fn lock(&self) -> MutexGuard<'_, Contents<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in pages, whose elements are dropped.
    pub(super) fn put_pages(&self, mut pages: Vec<Page<T>>) {
        pages.iter_mut().for_each(Page::clear);
        let mut spares = self.lock();
        // The longer one stays where it is.
        if spares.pages.len() < pages.len() {
            std::mem::swap(&mut spares.pages, &mut pages);
        }
        spares.pages.append(&mut pages);
    }

    pub(super) fn take_pages(&self) -> Vec<Page<T>> {
        std::mem::take(&mut self.lock().pages)
    }

    /// Takes in a table; keeps the larger one.
    pub(super) fn put_table(&self, mut table: Vec<PagePtr<T>>) {
        table.clear();
        let mut spares = self.lock();
        if spares.table.capacity() < table.capacity() {
            std::mem::swap(&mut spares.table, &mut table);
        }
    }

    pub(super) fn take_table(&self) -> Vec<PagePtr<T>> {
        std::mem::take(&mut self.lock().table)
    }
}
