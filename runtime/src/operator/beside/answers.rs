//! Where calls leave their answers for the subtask.

use std::sync::{Arc, Mutex, PoisonError};

use crate::operator::Wake;

/// Answers under the numbers of their records, in the order in which they came. Bounded by what may be in flight.
pub(crate) struct Answers<A> {
    left: Mutex<Vec<(u64, A)>>,
    waker: Arc<dyn Wake>,
}

impl<A> Answers<A> {
    pub(crate) fn new(waker: Arc<dyn Wake>) -> Self {
        Self { left: Mutex::default(), waker }
    }

    /// Leaves an answer, from any thread.
    pub(crate) fn leave(&self, number: u64, answer: A) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.push((number, answer));
        let is_first = left.len() == 1;
        drop(left);
        // Who takes one takes all, so the others need not wake the subtask again.
        if is_first {
            self.waker.wake();
        }
    }

    /// Takes all answers.
    pub(crate) fn take(&self) -> Vec<(u64, A)> {
        std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicU32);

    impl Wake for Woken {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn one_wake_up_tells_of_all_answers_until_they_are_taken() {
        let woken = Arc::new(Woken::default());
        let answers = Answers::new(Arc::clone(&woken) as Arc<dyn Wake>);
        answers.leave(3, 'a');
        answers.leave(1, 'b');
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        assert_eq!(answers.take(), [(3, 'a'), (1, 'b')]);
        answers.leave(2, 'c');
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    }
}
