//! What the inner allocator gets back.
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "each call gives back what it took"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::RefCell;

use super::*;

/// Keeps every block it is given back, so that a test can read it.
#[derive(Default)]
struct Recorder {
    given_back: RefCell<Vec<Vec<u8>>>,
}

unsafe impl GlobalAlloc for Recorder {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        self.given_back.borrow_mut().push(bytes.to_vec());
        unsafe { System.dealloc(block, layout) }
    }
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

unsafe fn fill(block: *mut u8, bytes: usize) {
    unsafe { ptr::write_bytes(block, 0xA5, bytes) }
}

#[test]
fn freed_memory_is_zero() {
    for bytes in [1, 7, 8, 64, 4096, 100_003] {
        let heap = Zeroing(Recorder::default());
        unsafe {
            let block = heap.alloc(layout(bytes));
            fill(block, bytes);
            heap.dealloc(block, layout(bytes));
        }
        assert_eq!(*heap.0.given_back.borrow(), [vec![0; bytes]]);
    }
}

#[test]
fn growing_and_shrinking_keep_the_bytes_and_leave_none_behind() {
    for (before, after) in [(64, 256), (256, 64), (4096, 1_000_000), (1_000_000, 10)] {
        let heap = Zeroing(Recorder::default());
        unsafe {
            let block = heap.alloc(layout(before));
            fill(block, before);
            let moved = heap.realloc(block, layout(before), after);
            let kept = std::slice::from_raw_parts(moved, before.min(after));
            assert!(kept.iter().all(|&byte| byte == 0xA5));
            assert_eq!(*heap.0.given_back.borrow(), [vec![0; before]]);
            heap.dealloc(moved, layout(after));
        }
        assert_eq!(heap.0.given_back.borrow()[1], vec![0; after]);
    }
}

#[test]
fn the_public_allocator_serves_all_four_calls() {
    let bytes = 64;
    unsafe {
        let block = ZeroOnFree.alloc_zeroed(layout(bytes));
        assert_eq!(std::slice::from_raw_parts(block, bytes), [0; 64]);
        fill(block, bytes);
        let block = ZeroOnFree.realloc(block, layout(bytes), 2 * bytes);
        assert_eq!(std::slice::from_raw_parts(block, bytes), [0xA5; 64]);
        ZeroOnFree.dealloc(block, layout(2 * bytes));
        let block = ZeroOnFree.alloc(layout(bytes));
        assert!(!block.is_null());
        ZeroOnFree.dealloc(block, layout(bytes));
    }
}
