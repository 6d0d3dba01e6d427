//! Wipes what a thread leaves in registers and dead stack frames.
//!
//! The last bytes it copied are in its vector registers, and dead stack frames hold more. A core
//! dump carries both, and zeroing the heap reaches neither.
#![expect(unsafe_code, reason = "registers are reached by assembly only")]

/// Clears the vector registers and 32 KiB of dead stack of this thread. For tokio's
/// `on_thread_park` and the end of blocking work with plaintext.
///
/// Needs 33 KiB of free stack. On other machines than `x86_64` the registers stay as they are.
pub fn wipe_parked_thread() {
    // Its frame lies where the frames of the finished calls were.
    zeroize::zeroize_stack::<DEAD_STACK_BYTES>();
    wipe_vector_registers();
}

#[cfg(target_arch = "x86_64")]
fn wipe_vector_registers() {
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: needed to call a function for certain machines; this is one.
        unsafe { wipe_zmm() }
    } else if is_x86_feature_detected!("avx") {
        // SAFETY: needed to call a function for certain machines; this is one.
        unsafe { wipe_ymm() }
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn wipe_vector_registers() {}

/// Registers 0 to 15 in all their width, as all AVX machines have them.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
fn wipe_ymm() {
    // SAFETY: needed because no Rust value is a register. The instruction writes vector registers
    // only, and the ABI says that a call may change them all.
    unsafe {
        std::arch::asm!(
            "vzeroall",
            clobber_abi("sysv64"),
            options(nomem, nostack, preserves_flags)
        );
    }
}

/// Registers 0 to 31.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn wipe_zmm() {
    // SAFETY: as in `wipe_ymm`.
    unsafe {
        std::arch::asm!(
            "vzeroall",
            "vpxord zmm16, zmm16, zmm16",
            "vpxord zmm17, zmm17, zmm17",
            "vpxord zmm18, zmm18, zmm18",
            "vpxord zmm19, zmm19, zmm19",
            "vpxord zmm20, zmm20, zmm20",
            "vpxord zmm21, zmm21, zmm21",
            "vpxord zmm22, zmm22, zmm22",
            "vpxord zmm23, zmm23, zmm23",
            "vpxord zmm24, zmm24, zmm24",
            "vpxord zmm25, zmm25, zmm25",
            "vpxord zmm26, zmm26, zmm26",
            "vpxord zmm27, zmm27, zmm27",
            "vpxord zmm28, zmm28, zmm28",
            "vpxord zmm29, zmm29, zmm29",
            "vpxord zmm30, zmm30, zmm30",
            "vpxord zmm31, zmm31, zmm31",
            clobber_abi("sysv64"),
            options(nomem, nostack, preserves_flags),
        );
    }
}

/// Twice the deepest use seen below a parked worker.
const DEAD_STACK_BYTES: usize = 32 * 1024;

#[cfg(test)]
mod tests;
