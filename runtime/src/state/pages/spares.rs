//! Memory that frozen versions give back to the owner of the pages, for the next ones.
//!
//! What has been written to before is nearer than what the allocator gives, which first has to come from the system: that
//! would make the pause of a freeze, and of the first writes after it, several times as long. Nor is memory freed on one
//! thread that another has allocated.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::page::{Page, PagePtr};

/// Pages without elements, and a table without entries.
pub(super) struct Spares<T>(Mutex<(Vec<Page<T>>, Vec<PagePtr<T>>)>);

impl<T> Default for Spares<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Spares<T> {
    fn lock(&self) -> MutexGuard<'_, (Vec<Page<T>>, Vec<PagePtr<T>>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in pages, whose elements are dropped.
    pub(super) fn put_pages(&self, mut pages: Vec<Page<T>>) {
        pages.iter_mut().for_each(Page::clear);
        let mut spares = self.lock();
        // The longer one stays where it is.
        if spares.0.len() < pages.len() {
            std::mem::swap(&mut spares.0, &mut pages);
        }
        spares.0.append(&mut pages);
    }

    pub(super) fn take_pages(&self) -> Vec<Page<T>> {
        std::mem::take(&mut self.lock().0)
    }

    /// Takes in a table; keeps the larger one.
    pub(super) fn put_table(&self, mut table: Vec<PagePtr<T>>) {
        table.clear();
        let mut spares = self.lock();
        if spares.1.capacity() < table.capacity() {
            std::mem::swap(&mut spares.1, &mut table);
        }
    }

    pub(super) fn take_table(&self) -> Vec<PagePtr<T>> {
        std::mem::take(&mut self.lock().1)
    }
}
