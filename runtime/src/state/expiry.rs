//! Time to live: state that is forgotten some time after it was last used.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::time::Timestamp;

/// What renews a state's time to live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TtlUpdate {
    /// Creating and writing it.
    #[default]
    OnCreateAndWrite,
    /// Reading it, too.
    OnReadAndWrite,
}

/// How long a state lives after it was last used, in processing time. An expired state is never returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// The lifetime.
    pub lifetime: Duration,
    /// What renews it.
    pub update: TtlUpdate,
}

impl Ttl {
    /// A lifetime that creating and writing renew.
    pub const fn new(lifetime: Duration) -> Self {
        Self { lifetime, update: TtlUpdate::OnCreateAndWrite }
    }

    /// Lets reading renew the lifetime, too.
    #[must_use]
    pub const fn renewed_by_reading(mut self) -> Self {
        self.update = TtlUpdate::OnReadAndWrite;
        self
    }
}

/// The clock of one state with a time to live: set before each call of the user's function.
#[derive(Debug)]
pub(crate) struct Expiry {
    ttl: Ttl,
    now: Timestamp,
    /// When a single value was last used; collections keep an instant per entry.
    used: AtomicI64,
}

impl Clone for Expiry {
    fn clone(&self) -> Self {
        Self { ttl: self.ttl, now: self.now, used: AtomicI64::new(self.used.load(Ordering::Relaxed)) }
    }
}

impl Expiry {
    pub(crate) fn boxed(ttl: Option<Ttl>) -> Option<Box<Self>> {
        ttl.map(|ttl| Box::new(Self { ttl, now: Timestamp::MIN, used: AtomicI64::new(i64::MIN) }))
    }

    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether what was last used at `used` is still alive.
    pub(crate) fn is_alive(&self, used: Timestamp) -> bool {
        used.saturating_add(self.ttl.lifetime) > self.now
    }

    pub(crate) fn used(&self) -> Timestamp {
        Timestamp::from_millis(self.used.load(Ordering::Relaxed))
    }

    pub(crate) fn set_used(&self, used: Timestamp) {
        self.used.store(used.as_millis(), Ordering::Relaxed);
    }

    pub(crate) fn written(&self) {
        self.set_used(self.now);
    }

    pub(crate) fn renewed_by_reading(&self) -> bool {
        self.ttl.update == TtlUpdate::OnReadAndWrite
    }

    /// Whether a single value is alive; reading it may renew it.
    pub(crate) fn read(&self) -> bool {
        let alive = self.is_alive(self.used());
        if alive && self.renewed_by_reading() {
            self.written();
        }
        alive
    }
}
