//! Memory stays bounded when a sink is much slower than its source.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use millstream::prelude::*;

/// Counts live bytes and their peak.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// One measurement at a time.
static TURN: Mutex<()> = Mutex::new(());

// SAFETY: forwards to the system's allocator and only counts.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MIB: usize = 1 << 20;

/// Runs a job whose last operator takes `pause` for each record, and answers with the bytes its records took at most.
fn peak_of(records: u64, record_bytes: usize, pause: Duration, parallelism: usize) -> usize {
    let _turn = TURN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let env = Environment::new("slow sink");
    env.set_parallelism(parallelism);
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    env.from_collection(0..records)
        .map(move |n| (n, vec![n as u8; record_bytes]))
        .key_by(|record| &record.0)
        .process("slow", Slow { pause })
        .filter(|sum| *sum == u64::MAX)
        .collect();
    env.execute().expect("the job runs");
    PEAK.load(Ordering::Relaxed) - before
}

#[derive(Clone)]
struct Slow {
    pause: Duration,
}

impl<K: Key> KeyedOperator<K> for Slow {
    type In = (u64, Vec<u8>);
    type Out = u64;
    type State = ();

    fn states(&self) -> Vec<StateSpec> {
        Vec::new()
    }

    fn new_state(&self) {}

    fn process(
        &mut self,
        (n, bytes): (u64, Vec<u8>),
        _state: &mut (),
        _ctx: &mut KeyedContext<'_, K>,
        out: &mut Collector<u64>,
    ) -> Result<()> {
        std::thread::sleep(self.pause);
        out.emit(n + bytes.len() as u64);
        Ok(())
    }
}

#[test]
fn a_slow_sink_holds_the_source_back() {
    // All records together would take 64 MiB.
    let peak = peak_of(64 * 1024, 1024, Duration::from_micros(20), 2);
    assert!(peak < 16 * MIB, "{} MiB", peak / MIB);
}

#[test]
fn records_of_a_mebibyte_do_not_pile_up() {
    // All records together would take 200 MiB.
    let peak = peak_of(200, MIB, Duration::from_millis(1), 2);
    assert!(peak < 40 * MIB, "{} MiB", peak / MIB);
}
