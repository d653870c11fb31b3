//! Which record was being worked on when user code failed.
//!
//! Nothing is recorded while all goes well. When a panic unwinds, the guards that it drops note what they know here,
//! innermost first; the subtask takes the note when it catches the panic. Where in the code it was only a panic hook
//! can tell, so a program that wants to know installs one ([`install_hook`]).

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::PanicHookInfo;
use std::sync::Once;

use super::{Cause, TaskError};
use crate::channel::Origin;
use crate::time::Timestamp;

/// What is known of a record.
#[derive(Debug, Clone)]
pub struct Site {
    /// Its event time; [`Timestamp::MIN`] if it has none.
    pub event_time: Timestamp,
    /// The split it was read from, if it has not left its source's chain.
    pub origin: Option<Origin>,
    /// Its position in that split.
    pub position: Option<u64>,
    /// File and line, or partition and offset, once they have been looked up.
    pub place: Option<String>,
}

impl Default for Site {
    fn default() -> Self {
        Self { event_time: Timestamp::MIN, origin: None, position: None, place: None }
    }
}

impl Site {
    /// Looks up what a person calls the place. May do I/O, so it waits until there is an error to report.
    pub(crate) fn find_place(&mut self) {
        if let (Some(origin), Some(position)) = (&self.origin, self.position) {
            self.place.get_or_insert_with(|| origin.place(position));
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.event_time.is_set() {
            write!(f, ", event time {}", self.event_time)?;
        }
        match (&self.place, &self.origin) {
            (Some(place), _) => write!(f, ", {place}"),
            (None, Some(origin)) => write!(f, ", {}", origin.name()),
            (None, None) => Ok(()),
        }
    }
}

/// Notes of the guards that a panic dropped.
#[derive(Debug, Default)]
pub(crate) struct Blame {
    pub(crate) site: Site,
    pub(crate) operator: Option<String>,
    /// Where in the code it was, as `file:line:column`.
    location: Option<String>,
    known: bool,
}

thread_local! {
    static BLAME: RefCell<Blame> = RefCell::new(Blame::default());
    /// Whether a panic on this thread would end in `catch`. Needs no destructor, so the hook can always read it.
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Has panics that become a job's error note where in the code they were, instead of printing it. Other panics, and
/// with `RUST_BACKTRACE` set all of them, still go to the hook that was there before.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let previous = std::panic::take_hook();
        let backtrace = std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0");
        std::panic::set_hook(Box::new(move |panic| {
            if CATCHING.get() {
                note_location(panic);
            }
            if backtrace || !CATCHING.get() {
                previous(panic);
            }
        }));
    });
}

/// The hook runs before the guards are dropped, so this begins the notes anew: a panic that user code has caught by
/// itself leaves nothing behind.
fn note_location(panic: &PanicHookInfo<'_>) {
    tracing::debug!("{panic}");
    let location = panic.location().map(ToString::to_string);
    BLAME.set(Blame { location, ..Blame::default() });
}

/// Notes the record that was being worked on; the first note, from the innermost guard, stands.
#[cold]
pub(crate) fn note(site: Site) {
    BLAME.with_borrow_mut(|blame| {
        if !blame.known {
            blame.site = site;
            blame.known = true;
        }
    });
}

/// Takes the notes of the panic that was just caught.
pub(crate) fn take() -> Blame {
    BLAME.take()
}

/// Runs something that may call user code, and makes a panic of it an error that says where it happened.
pub(crate) fn catch<R>(run: impl FnOnce() -> Result<R, Box<TaskError>>) -> Result<R, Box<TaskError>> {
    caught(run).unwrap_or_else(|panic| {
        let (message, Blame { site, operator, .. }) = *panic;
        let mut error = TaskError::at(site, Cause::Panic(message));
        error.operator = operator.unwrap_or_default();
        Err(error)
    })
}

/// Runs a part of a connector that belongs to no subtask, and makes a panic of it the connector's error.
pub(crate) fn catch_as<R, E>(panicked: fn(String) -> E, run: impl FnOnce() -> Result<R, E>) -> Result<R, E> {
    caught(run).unwrap_or_else(|panic| Err(panicked(panic.0)))
}

/// The panic's message, with where in the code it was if that is known, and the notes of the guards that it dropped.
fn caught<R>(run: impl FnOnce() -> R) -> Result<R, Box<(String, Blame)>> {
    let outer = CATCHING.replace(true);
    // Whatever the panic has left half done is dropped with what has failed.
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
    CATCHING.set(outer);
    caught.map_err(|payload| {
        let mut blame = take();
        let place = blame.location.take().map_or(String::new(), |location| format!(" (at {location})"));
        Box::new((message(&*payload) + &place, blame))
    })
}

fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "a value that is not text".to_owned())
}

/// Notes an operator's name if it is dropped by a panic.
pub(crate) struct Operator<'a>(pub(crate) &'a str);

impl Drop for Operator<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            BLAME.with_borrow_mut(|blame| {
                blame.operator.get_or_insert_with(|| self.0.to_owned());
            });
        }
    }
}

/// Notes the instant of a timer or window that fires, if it is dropped by a panic.
pub(crate) struct Firing(pub(crate) Timestamp);

impl Drop for Firing {
    #[inline]
    fn drop(&mut self) {
        if std::thread::panicking() {
            note(Site { event_time: self.0, ..Site::default() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_the_hook_a_panic_tells_where_in_the_code_it_was() {
        install_hook();
        let line = line!() + 1;
        let error = catch::<()>(|| panic!("out of cheese")).unwrap_err().to_string();
        assert!(error.contains(&format!("panicked: out of cheese (at {}:{line}:", file!())), "{error}");
    }
}
