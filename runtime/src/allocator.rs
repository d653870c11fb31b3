//! The memory allocator that jobs do best with: mimalloc, with the feature of that name, which is on by default.
//!
//! `#[millstream::main]` installs it, and calls [`keep_freed_memory`]. A program that starts jobs by itself does likewise:
//!
//! ```ignore
//! #[global_allocator]
//! static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
//!
//! fn main() {
//!     millstream::allocator::keep_freed_memory();
//!     // ..
//! }
//! ```

/// Has mimalloc keep memory that was freed for what is allocated next, rather than give it back to the system a little later.
///
/// To give it back takes milliseconds, of whichever thread comes along: most often a slot's, after a snapshot was encoded on
/// another thread. So a job's share of the machine stays what it was at the most. To be called before other threads start;
/// changes nothing if the environment has a `MIMALLOC_PURGE_DELAY`, or if another allocator is in use.
pub fn keep_freed_memory() {
    #[cfg(feature = "mimalloc")]
    {
        /// `mi_option_purge_delay` of `mimalloc.h`, which the crate does not name.
        const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
        /// Never.
        const NEVER: std::ffi::c_long = -1;
        // SAFETY: the option exists in all versions of the library since 2.0, and takes any number. Threads that read it while
        // it is written see one of both values.
        unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, NEVER) };
    }
}
