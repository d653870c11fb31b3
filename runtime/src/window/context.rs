//! What a window's function can ask, and what it may return.

use std::ops::{Deref, DerefMut};

use crate::error::Result;
use crate::operator::Context;
use crate::time::Timestamp;
use crate::window::TimeWindow;

/// What a window function can ask: the window, how often it has fired, and all that [`Context`] knows.
pub struct WindowContext<'a> {
    pub(crate) base: Context<'a>,
    pub(crate) window: TimeWindow,
    pub(crate) revision: u32,
}

impl<'a> Deref for WindowContext<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Self::Target {
        &self.base
    }
}

impl DerefMut for WindowContext<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.base
    }
}

impl WindowContext<'_> {
    /// The window that fires.
    pub fn window(&self) -> TimeWindow {
        self.window
    }

    /// The first instant in the window.
    pub fn start(&self) -> Timestamp {
        self.window.start()
    }

    /// The first instant after the window.
    pub fn end(&self) -> Timestamp {
        self.window.end()
    }

    /// How often the window has fired for this key before. A session that was merged of several goes on from the
    /// highest of theirs; in a global window, a purge begins a new count.
    pub fn revision(&self) -> u32 {
        self.revision
    }
}

/// What a window function may return: nothing, or a [`Result`](crate::Result).
pub trait IntoResult {
    /// The outcome.
    fn into_result(self) -> Result<()>;
}

impl IntoResult for () {
    fn into_result(self) -> Result<()> {
        Ok(())
    }
}

impl IntoResult for Result<()> {
    fn into_result(self) -> Result<()> {
        self
    }
}
