//! Versions of pages: what they show, and when what they have is dropped.

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

#[test]
fn a_page_that_no_version_has_any_more_is_copied_to_after_the_next_freeze() {
    let mut pages: Pages<String> = Pages::default();
    pages.grow_to(1000, || "a".to_owned());
    let page = std::ptr::from_ref(pages.get(500));
    drop({
        let frozen = pages.freeze();
        "b".clone_into(pages.get_mut(500));
        frozen
    });
    let frozen = pages.freeze();
    "c".clone_into(pages.get_mut(500));
    assert_eq!(std::ptr::from_ref(pages.get(500)), page);
    assert_eq!((frozen.get(500).as_str(), pages.get(500).as_str()), ("b", "c"));
}
