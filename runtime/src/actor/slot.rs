//! Slots: the threads that subtasks take turns on.

use actix::{Actor, Addr, Arbiter, Context};

/// Hands out the slots of a job. A cluster or a simulation has its own way to place subtasks.
pub(crate) trait Slots {
    /// Starts an actor, made by `make` on the slot's thread.
    fn start<A: Actor<Context = Context<A>>>(
        &self,
        slot: usize,
        make: impl FnOnce(&mut Context<A>) -> A + Send + 'static,
    ) -> Addr<A>;

    /// Stops all slots and waits for their threads.
    fn stop(self);
}

/// A thread per slot in this process.
pub(crate) struct ThreadSlots {
    arbiters: Vec<Arbiter>,
}

impl ThreadSlots {
    pub(crate) fn new(count: usize) -> Self {
        Self { arbiters: (0..count).map(|_| Arbiter::new()).collect() }
    }
}

impl Slots for ThreadSlots {
    fn start<A: Actor<Context = Context<A>>>(
        &self,
        slot: usize,
        make: impl FnOnce(&mut Context<A>) -> A + Send + 'static,
    ) -> Addr<A> {
        A::start_in_arbiter(&self.arbiters[slot].handle(), make)
    }

    fn stop(self) {
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
        for arbiter in self.arbiters {
            // A slot's thread catches user panics; if it is gone all the same there is nothing left to stop.
            let _ = arbiter.join();
        }
    }
}
