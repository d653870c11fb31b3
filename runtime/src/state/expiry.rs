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
    /// Nothing has to: the state lives until it is cleared, as if it had no time to live.
    Disabled,
}

/// Whether a state that has expired can still be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TtlVisibility {
    /// It cannot, whether its memory has been freed or not.
    #[default]
    NeverReturnExpired,
    /// It can, as long as nothing has removed it. Being looked at does not renew it.
    UntilCleanedUp,
}

/// When what has expired is removed, beside when it is written to or is all that a record's key has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TtlCleanup {
    /// It is not written to snapshots.
    pub in_snapshots: bool,
    /// After each batch so many keys of the operator are looked at, in turn; 0 for none. The highest number among the
    /// states of an operator counts.
    pub keys_per_batch: usize,
    /// State on disk is filtered when files are merged.
    pub in_compaction: bool,
}

impl TtlCleanup {
    const DEFAULT: Self = Self { in_snapshots: true, keys_per_batch: 64, in_compaction: true };
}

impl Default for TtlCleanup {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// How long a state lives after it was last used, in processing time.
///
/// ```
/// # use millstream::prelude::*;
/// let ttl = Ttl::new(Duration::from_secs(3600)).renewed_by_reading().keys_per_batch(256);
/// assert_eq!(ttl.cleanup.keys_per_batch, 256);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ttl {
    /// The lifetime.
    pub lifetime: Duration,
    /// What renews it.
    pub update: TtlUpdate,
    /// Whether it can be seen afterwards.
    pub visibility: TtlVisibility,
    /// When it is removed afterwards.
    pub cleanup: TtlCleanup,
}

impl Ttl {
    /// A lifetime that creating and writing renew, after which the state is never returned.
    pub const fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            update: TtlUpdate::OnCreateAndWrite,
            visibility: TtlVisibility::NeverReturnExpired,
            cleanup: TtlCleanup::DEFAULT,
        }
    }

    /// Lets reading renew the lifetime, too.
    #[must_use]
    pub const fn renewed_by_reading(mut self) -> Self {
        self.update = TtlUpdate::OnReadAndWrite;
        self
    }

    /// Lets the state live until it is cleared, whatever the lifetime.
    #[must_use]
    pub const fn disabled(mut self) -> Self {
        self.update = TtlUpdate::Disabled;
        self
    }

    /// Lets what has expired be seen until it is removed.
    #[must_use]
    pub const fn visible_until_cleaned_up(mut self) -> Self {
        self.visibility = TtlVisibility::UntilCleanedUp;
        self
    }

    /// Sets whether what has expired is left out of snapshots; it is, unless set.
    #[must_use]
    pub const fn cleanup_in_snapshots(mut self, on: bool) -> Self {
        self.cleanup.in_snapshots = on;
        self
    }

    /// Sets how many keys are looked at after each batch; 64, unless set, and 0 for none.
    #[must_use]
    pub const fn keys_per_batch(mut self, keys: usize) -> Self {
        self.cleanup.keys_per_batch = keys;
        self
    }

    /// Sets whether state on disk is filtered when files are merged; it is, unless set.
    #[must_use]
    pub const fn cleanup_in_compaction(mut self, on: bool) -> Self {
        self.cleanup.in_compaction = on;
        self
    }

    /// Whether merging files removes a state once it has expired.
    pub(crate) fn is_cleaned_up_in_compaction(&self) -> bool {
        self.is_enabled() && self.cleanup.in_compaction
    }

    /// Whether a state ever expires by it.
    pub(crate) fn is_enabled(&self) -> bool {
        self.update != TtlUpdate::Disabled
    }
}

impl From<Duration> for Ttl {
    fn from(lifetime: Duration) -> Self {
        Self::new(lifetime)
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
        ttl.filter(Ttl::is_enabled)
            .map(|ttl| Box::new(Self { ttl, now: Timestamp::MIN, used: LastUse::at(Timestamp::MIN) }))
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

    /// Whether what was last used at `used` is still alive at another instant: for looks at a state that leave its clock
    /// as it is.
    pub(crate) fn is_alive_at(&self, used: Timestamp, now: Timestamp) -> bool {
        used.saturating_add(self.ttl.lifetime) > now
    }

    /// Whether what was last used at `used` can be seen, dead or alive.
    pub(crate) fn is_visible(&self, used: Timestamp) -> bool {
        self.shows_expired() || self.is_alive(used)
    }

    pub(crate) fn shows_expired(&self) -> bool {
        self.ttl.visibility == TtlVisibility::UntilCleanedUp
    }

    /// Whether a snapshot at `now` holds what was last used at `used`.
    pub(crate) fn is_written(&self, used: Timestamp, now: Timestamp) -> bool {
        !self.ttl.cleanup.in_snapshots || self.is_alive_at(used, now)
    }

    /// How long something may have been dead before it is worth while to look for it among much that is alive.
    pub(crate) fn patience(&self) -> Duration {
        self.ttl.lifetime / 4
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

    /// Whether a single value can be seen; reading it may renew it.
    pub(crate) fn read(&self) -> bool {
        self.read_entry(&self.used)
    }

    /// Whether what was last used then can be seen; reading it may renew it.
    pub(crate) fn read_entry(&self, used: &LastUse) -> bool {
        let alive = self.is_alive(used.get());
        if alive && self.renewed_by_reading() {
            used.set(self.now);
        }
        alive || self.shows_expired()
    }
}
