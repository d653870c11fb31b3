//! Time to live: state that is forgotten some time after it was last used.
//!
//! Reading may renew state through a shared reference. Snapshots read the same state on another thread, but never the
//! same copy: a key's row is borrowed mutably before the user's function sees it, which copies it if a snapshot has it.

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

/// When something was last used; [`Timestamp::MIN`] for never. Reading renews it through a shared reference.
#[derive(Debug)]
pub(crate) struct LastUse(AtomicI64);

impl LastUse {
    pub(crate) fn at(instant: Timestamp) -> Self {
        Self(AtomicI64::new(instant.as_millis()))
    }

    pub(crate) fn get(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, instant: Timestamp) {
        self.0.store(instant.as_millis(), Ordering::Relaxed);
    }
}

impl Clone for LastUse {
    fn clone(&self) -> Self {
        Self::at(self.get())
    }
}

/// The clock of one state with a time to live: set before each call of the user's function.
#[derive(Debug, Clone)]
pub(crate) struct Expiry {
    ttl: Ttl,
    now: Timestamp,
    /// When the state as a whole was last used. A map does without, and keeps an instant per entry; a list keeps both.
    used: LastUse,
}

impl Expiry {
    pub(crate) fn boxed(ttl: Option<Ttl>) -> Option<Box<Self>> {
        ttl.map(|ttl| Box::new(Self { ttl, now: Timestamp::MIN, used: LastUse::at(Timestamp::MIN) }))
    }

    pub(crate) fn set_now(&mut self, now: Timestamp) {
        self.now = now;
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Whether what was last used at `used` is still alive.
    pub(crate) fn is_alive(&self, used: Timestamp) -> bool {
        self.is_alive_at(used, self.now)
    }

    /// Whether what was last used at `used` will be alive at `now`.
    pub(crate) fn is_alive_at(&self, used: Timestamp, now: Timestamp) -> bool {
        used.saturating_add(self.ttl.lifetime) > now
    }

    pub(crate) fn used(&self) -> Timestamp {
        self.used.get()
    }

    pub(crate) fn set_used(&self, used: Timestamp) {
        self.used.set(used);
    }

    pub(crate) fn written(&self) {
        self.set_used(self.now);
    }

    pub(crate) fn renewed_by_reading(&self) -> bool {
        self.ttl.update == TtlUpdate::OnReadAndWrite
    }

    /// Whether a single value is alive; reading it may renew it.
    pub(crate) fn read(&self) -> bool {
        self.read_entry(&self.used)
    }

    /// Whether what was last used then is alive; reading it may renew it.
    pub(crate) fn read_entry(&self, used: &LastUse) -> bool {
        let alive = self.is_alive(used.get());
        if alive && self.renewed_by_reading() {
            used.set(self.now);
        }
        alive
    }
}
