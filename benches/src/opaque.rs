//! A value that the optimiser may not look through.

/// Gives back `value`, of which the optimiser then knows nothing.
///
/// Unlike [`std::hint::black_box`] the value stays in its register, so it costs no instruction; but no loop around it
/// can be vectorised. The benchmarks use it in place of the work that a real function would do.
#[inline(always)]
pub fn opaque(value: u64) -> u64 {
    let mut value = value;
    // SAFETY: an empty text reads and writes nothing but the one register that it names.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags));
    }
    value
}
