//! Operators that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use millstream::operator::process::OnError;
use millstream::prelude::*;

/// Waits until as many calls as it may have in flight are running at once, or enough have.
#[derive(Clone)]
struct Meet {
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Process for Meet {
    type In = u64;
    type Out = u64;

    fn process(&mut self, value: u64, _ctx: &mut Context<'_>, out: &mut Collector<u64>) -> Result<()> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        // Later records finish first, so only the operator can keep the order.
        std::thread::sleep(Duration::from_micros(500 * (4 - value % 4)));
        self.running.fetch_sub(1, Ordering::SeqCst);
        anyhow::ensure!(value != 13, "unlucky");
        out.emit(value);
        Ok(())
    }
}

fn run(on_error: OnError<u64>) -> (Result<Vec<u64>, String>, usize) {
    let most = Arc::new(AtomicUsize::new(0));
    let meet = Meet { running: Arc::default(), most: Arc::clone(&most) };
    let env = Environment::new("blocking");
    let out = env.from_collection(0..200).process_blocking("meet", meet, 4, on_error).collect();
    let outcome = env.execute().map(|_| out.take()).map_err(|error| error.to_string());
    (outcome, most.load(Ordering::SeqCst))
}

#[test]
fn results_keep_the_order_and_no_more_than_allowed_are_in_flight() {
    let (outcome, most) = run(OnError::Skip);
    assert_eq!(outcome.unwrap(), (0..200).filter(|n| *n != 13).collect::<Vec<u64>>());
    assert!((1..=4).contains(&most), "{most} in flight");
}

#[test]
fn a_failing_call_fails_the_job() {
    let (outcome, _) = run(OnError::Fail);
    let error = outcome.unwrap_err();
    assert!(error.contains("`meet`") && error.contains("unlucky"), "{error}");
}
