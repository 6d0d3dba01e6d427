//! Nothing is left in registers and below the stack.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::FileExt;

use super::*;

/// Leaves a pattern in a frame that is dead when this returns, and says where.
#[inline(never)]
fn leave_a_frame() -> u64 {
    let mut frame = [0xA5_u8; 8 * 1024];
    black_box(&mut frame);
    frame.as_ptr() as u64
}

/// How much of the pattern is at `address`, read without using the place.
fn pattern_bytes(memory: &File, seen: &mut [u8], address: u64) -> usize {
    memory.read_exact_at(seen, address).unwrap();
    seen.iter().map(|&byte| usize::from(byte == 0xA5)).sum()
}

#[test]
fn dead_stack_is_wiped() {
    let memory = File::open("/proc/self/mem").unwrap();
    let mut seen = vec![0; 4096];
    let frame = leave_a_frame();
    // The lower half: nothing that this test calls between reaches so deep.
    assert!(
        pattern_bytes(&memory, &mut seen, frame) > 2048,
        "control: the pattern is there"
    );
    wipe_parked_thread();
    assert_eq!(pattern_bytes(&memory, &mut seen, frame), 0);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn vector_registers_are_wiped() {
    if is_x86_feature_detected!("avx512f") {
        // SAFETY: this machine has the registers.
        assert_eq!(unsafe { wiped_zmm31() }, [0; 64]);
    }
    if is_x86_feature_detected!("avx") {
        // SAFETY: this machine has the registers.
        assert_eq!(unsafe { wiped_ymm15() }, [0; 32]);
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx")]
fn wiped_ymm15() -> [u8; 32] {
    let mut bytes = [0xA5; 32];
    // SAFETY: reads and writes `bytes` and a register that a call may change.
    unsafe {
        std::arch::asm!("vmovdqu ymm15, [{}]", in(reg) &raw const bytes, out("ymm15") _);
        wipe_parked_thread();
        std::arch::asm!("vmovdqu [{}], ymm15", in(reg) &raw mut bytes);
    }
    bytes
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn wiped_zmm31() -> [u8; 64] {
    let mut bytes = [0xA5; 64];
    // SAFETY: reads and writes `bytes` and a register that a call may change.
    unsafe {
        std::arch::asm!("vmovdqu64 zmm31, [{}]", in(reg) &raw const bytes, out("zmm31") _);
        wipe_parked_thread();
        std::arch::asm!("vmovdqu64 [{}], zmm31", in(reg) &raw mut bytes);
    }
    bytes
}
