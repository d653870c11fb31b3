//! An array that grows without moving what it holds, and that can be frozen without copying it.
//!
//! The elements stand in pages. [`Pages::freeze`] copies the table of pages; after that, the owner copies a page before it
//! first changes an element of it. Whether it has to, a bit per page says, so that a write costs no atomic operation. What
//! always holds: a page whose bit is clear is in no frozen version.

use std::fmt;
use std::sync::Arc;

use super::frozen::{Bin, Frozen, Page, PagePtr};
use super::prefetch::prefetch;

/// A page has about so many bytes: what the first write to it after a freeze copies.
const PAGE_BYTES: usize = 1024;
/// Elements per page, as a shift: limits for large and for small elements.
const PAGE_BITS: std::ops::RangeInclusive<u32> = 3..=8;

/// Pages per word of the bits.
const WORD_BITS: usize = u64::BITS as usize;

/// A growing array in pages: no pause grows with the size of the state, but for copying the table of pages.
pub(crate) struct Pages<T> {
    /// All pages but the last are full.
    table: Vec<PagePtr<T>>,
    /// A bit per page: whether a frozen version may have it.
    shared: Vec<u64>,
    /// The number of elements in all pages.
    len: usize,
    /// Where shared pages go when they are replaced; `None` if no page is shared.
    bin: Option<Arc<Bin<T>>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { table: Vec::new(), shared: Vec::new(), len: 0, bin: None }
    }
}

impl<T> Pages<T> {
    const BITS: u32 = {
        let size = if size_of::<T>() == 0 { 1 } else { size_of::<T>() };
        let fitting = if size < PAGE_BYTES { (PAGE_BYTES / size).ilog2() } else { 0 };
        if fitting < *PAGE_BITS.start() {
            *PAGE_BITS.start()
        } else if fitting > *PAGE_BITS.end() {
            *PAGE_BITS.end()
        } else {
            fitting
        }
    };
    /// Elements per page.
    const PAGE_LEN: usize = 1 << Self::BITS;

    pub(crate) fn len(&self) -> usize {
        self.len
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
        Some(unsafe { &*self.table.get_unchecked(index >> Self::BITS).element(index % Self::PAGE_LEN) })
    }

    /// Starts to bring an element that will be needed soon into the cache.
    #[inline]
    pub(crate) fn prefetch(&self, index: u32) {
        if let Some(page) = self.table.get(index as usize >> Self::BITS) {
            prefetch(page.element(index as usize % Self::PAGE_LEN));
        }
    }

    /// The array as it is now, for another thread to read.
    pub(crate) fn freeze(&mut self) -> Frozen<T> {
        // SAFETY: all bits are set now, so each page is replaced before it is written to; when the array is dropped,
        // pages whose bit is set are put into the bin.
        let (frozen, bin) = unsafe { Frozen::new(&self.table, self.len, Self::BITS, self.bin.as_deref()) };
        self.bin = Some(bin);
        self.shared.fill(u64::MAX);
        frozen
    }

    /// Whether a frozen version is still being read.
    pub(crate) fn is_frozen(&self) -> bool {
        self.bin.as_deref().and_then(Bin::open).is_some()
    }

    #[inline]
    fn is_shared(&self, page: usize) -> bool {
        debug_assert!(page < self.table.len());
        // SAFETY: there is a bit for each page.
        unsafe { self.shared.get_unchecked(page / WORD_BITS) >> (page % WORD_BITS) & 1 == 1 }
    }

    /// How many elements a page holds.
    fn filled(&self, page: usize) -> usize {
        Self::PAGE_LEN.min(self.len - page * Self::PAGE_LEN)
    }
}

impl<T: Clone> Pages<T> {
    #[inline]
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        let index = index as usize;
        assert!(index < self.len);
        let page = index >> Self::BITS;
        if self.is_shared(page) {
            self.make_own(page);
        }
        // SAFETY: the page and the element are there, as for `find`. The page's bit is clear, so nobody else sees it.
        unsafe { &mut *self.table.get_unchecked(page).element(index % Self::PAGE_LEN) }
    }

    pub(crate) fn push(&mut self, value: T) {
        let page = self.len >> Self::BITS;
        if page == self.table.len() {
            self.add_page();
        } else if self.is_shared(page) {
            self.make_own(page);
        }
        // SAFETY: the last page has room, since `len` is not a multiple of its length unless it is new, and nobody else
        // sees it.
        unsafe { self.table[page].element(self.len % Self::PAGE_LEN).write(value) };
        self.len += 1;
    }

    fn add_page(&mut self) {
        let page = self.table.len();
        if page.is_multiple_of(WORD_BITS) {
            self.shared.push(0);
        }
        self.shared[page / WORD_BITS] &= !(1 << (page % WORD_BITS));
        self.table.push(PagePtr::of(Vec::with_capacity(Self::PAGE_LEN), Self::PAGE_LEN));
    }

    /// Sees to it that no frozen version has the page, and clears its bit.
    #[cold]
    #[inline(never)]
    fn make_own(&mut self, page: usize) {
        let filled = self.filled(page);
        let Some(mut bin) = self.bin.as_deref().and_then(Bin::open) else {
            self.shared.fill(0);
            self.bin = None;
            return;
        };
        let mut copy = Vec::with_capacity(Self::PAGE_LEN);
        // SAFETY: so many elements are there, and a shared page is not written to.
        copy.extend_from_slice(unsafe { self.table[page].elements(filled) });
        let replaced = std::mem::replace(&mut self.table[page], PagePtr::of(copy, Self::PAGE_LEN));
        self.shared[page / WORD_BITS] &= !(1 << (page % WORD_BITS));
        // SAFETY: the page is not in the table any more.
        bin.put(unsafe { Page::new(replaced, filled, Self::PAGE_LEN) });
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
        for (number, at) in self.table.iter().enumerate() {
            // SAFETY: each page is made from a vector of this capacity, and nobody asks the table for it any more.
            let page = unsafe { Page::new(*at, self.filled(number), Self::PAGE_LEN) };
            match &mut bin {
                Some(bin) if self.is_shared(number) => bin.put(page),
                _ => drop(page),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    fn contents(frozen: &Frozen<u64>) -> Vec<u64> {
        (0..frozen.len() as u32).map(|index| *frozen.get(index)).collect()
    }

    proptest! {
        #[test]
        fn a_version_stays_as_it_was(steps in prop::collection::vec((0u8..8, any::<u32>(), any::<u64>()), 1..2000)) {
            let mut pages = Pages::default();
            let mut oracle: Vec<u64> = Vec::new();
            let mut versions: Vec<(Frozen<u64>, Vec<u64>)> = Vec::new();
            for (step, index, value) in steps {
                match step {
                    0 => versions.push((pages.freeze(), oracle.clone())),
                    1 if !versions.is_empty() => {
                        let (frozen, expected) = versions.swap_remove(index as usize % versions.len());
                        prop_assert_eq!(contents(&frozen), expected);
                    }
                    2..=4 if !oracle.is_empty() => {
                        let index = index as usize % oracle.len();
                        *pages.get_mut(index as u32) = value;
                        oracle[index] = value;
                    }
                    _ => {
                        let len = pages.len() + index as usize % 100;
                        pages.grow_to(len, || value);
                        oracle.resize(len, value);
                    }
                }
            }
            for (index, value) in oracle.iter().enumerate() {
                prop_assert_eq!(pages.find(index as u32), Some(value));
            }
            drop(pages);
            for (frozen, expected) in &versions {
                prop_assert_eq!(&contents(frozen), expected, "after the array is gone");
            }
        }
    }

    /// Counts how many there are.
    struct Counted(Arc<AtomicUsize>);

    impl Counted {
        fn new(alive: &Arc<AtomicUsize>) -> Self {
            alive.fetch_add(1, Ordering::Relaxed);
            Self(Arc::clone(alive))
        }
    }

    impl Clone for Counted {
        fn clone(&self) -> Self {
            Self::new(&self.0)
        }
    }

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_copy_is_dropped_once_whichever_version_goes_first() {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let alive = Arc::new(AtomicUsize::new(0));
            let mut pages = Pages::default();
            pages.grow_to(1000, || Counted::new(&alive));
            let mut freeze_and_write = |first: u32| {
                let frozen = pages.freeze();
                (first..1000).step_by(7).for_each(|index| *pages.get_mut(index) = Counted::new(&alive));
                frozen
            };
            let mut held = [0, 300, 600].map(|first| Some(freeze_and_write(first)));
            for next in order {
                // The last of all is the array itself.
                if next == 2 {
                    pages = Pages::default();
                }
                held[next] = None;
            }
            drop(pages);
            assert_eq!(alive.load(Ordering::Relaxed), 0, "dropped in order {order:?}");
        }
    }

    #[test]
    fn pages_are_not_copied_once_no_version_is_left() {
        let mut pages: Pages<u64> = Pages::default();
        pages.grow_to(10_000, || 1);
        let page = std::ptr::from_ref(pages.get(5000));
        let first = pages.freeze();
        let second = pages.freeze();
        drop(second);
        *pages.get_mut(5000) = 2;
        assert_ne!(std::ptr::from_ref(pages.get(5000)), page, "a version has the page");
        let page = std::ptr::from_ref(pages.get(9000));
        drop(first);
        *pages.get_mut(9000) = 2;
        assert_eq!(std::ptr::from_ref(pages.get(9000)), page, "no version has the page");
    }

    #[test]
    fn what_versions_have_held_on_to_goes_with_them() {
        let alive = Arc::new(AtomicUsize::new(0));
        let mut pages = Pages::default();
        pages.grow_to(1000, || Counted::new(&alive));
        for _ in 0..3 {
            let frozen = pages.freeze();
            (0..1000).for_each(|index| drop(pages.get_mut(index).clone()));
            assert_eq!(alive.load(Ordering::Relaxed), 2000);
            drop(frozen);
            assert_eq!(alive.load(Ordering::Relaxed), 1000);
        }
    }

    /// The owner writes while readers look at versions and drop them; each version must show one instant.
    #[test]
    fn versions_are_read_and_dropped_on_other_threads() {
        const LEN: u32 = 5000;
        let mut pages: Pages<(u64, Box<u64>)> = Pages::default();
        pages.grow_to(LEN as usize, || (0, Box::new(0)));
        let (send, receive) = mpsc::channel::<(u64, Frozen<(u64, Box<u64>)>)>();
        let receive = Arc::new(std::sync::Mutex::new(receive));
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let receive = Arc::clone(&receive);
                thread::spawn(move || {
                    loop {
                        let next = receive.lock().unwrap().recv();
                        let Ok((expected, frozen)) = next else { return };
                        for index in 0..LEN {
                            let (sum, boxed) = frozen.get(index);
                            assert_eq!((*sum, **boxed), (expected, expected));
                        }
                    }
                })
            })
            .collect();
        for round in 1..=200 {
            for index in 0..LEN {
                let element = pages.get_mut(index);
                element.0 += 1;
                *element.1 += 1;
            }
            send.send((round, pages.freeze())).unwrap();
        }
        drop((pages, send));
        readers.into_iter().for_each(|reader| reader.join().unwrap());
    }
}
