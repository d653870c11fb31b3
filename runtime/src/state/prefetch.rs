//! Hints to the processor's caches.
//!
//! A batch says which keys will be looked up next, so the lookups' cache misses can overlap, which those of a loop
//! over single records cannot.

/// Starts to bring what stands at `address` into the cache. Only a hint: changes nothing but speed.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: prefetching does not access memory in the sense of the language, and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}
