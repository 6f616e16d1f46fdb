//! A hint to the processor, without effect on what a program computes.

/// Asks for the first cache line of `value` before it is needed. A burst is parsed, prefetched and
/// then processed, so that the misses of its elements overlap.
#[inline(always)]
pub fn prefetch<T: ?Sized>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults, whatever the address; this one is even valid.
        #[expect(unsafe_code, reason = "prefetch is not offered by core but as an intrinsic")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(value).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
