//! A global allocator that zeroes memory before it is given back.
//!
//! The second line behind the shield: buffers of other people's code (TLS, HTTP, JSON) are freed
//! without a thought, and their bytes would stay until the place is used again.
#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::mem::MaybeUninit;
use std::ptr;

/// The system's allocator, but memory is zeroed before it is given back.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: vault_memory::ZeroOnFree = vault_memory::ZeroOnFree;
/// # fn main() { drop(vec![1_u8; 64]) }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ZeroOnFree;

// SAFETY: needed because the trait is unsafe. Every call goes to `Zeroing<System>` unchanged.
unsafe impl GlobalAlloc for ZeroOnFree {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is the same there.
        unsafe { Zeroing(System).alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { Zeroing(System).alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { Zeroing(System).dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { Zeroing(System).realloc(block, layout, new_size) }
    }
}

/// Any allocator, but memory is zeroed before it is given back. Apart from [`ZeroOnFree`] so that a
/// test can look at what the inner allocator gets.
struct Zeroing<A>(A);

// SAFETY: needed because the trait is unsafe. Memory comes from the inner allocator and goes back
// to it with the same layout; between the two it is not touched but for the zeroes of `dealloc`.
// `realloc` is the trait's own: take anew, copy, `dealloc`. The inner one could move or shrink a
// block and leave the old bytes behind.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Zeroing<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps `GlobalAlloc`'s contract, which is the same there.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives up a block of `layout`, so its bytes may be written; they may be
        // uninitialised, hence `MaybeUninit`. The barrier sees the bytes and thereby keeps the
        // zeroes, which would otherwise be dropped as stores nobody reads.
        unsafe {
            ptr::write_bytes(block, 0, layout.size());
            let zeroed = ptr::slice_from_raw_parts(block.cast::<MaybeUninit<u8>>(), layout.size());
            zeroize::optimization_barrier(&*zeroed);
            self.0.dealloc(block, layout);
        }
    }
}

#[cfg(test)]
mod tests;
