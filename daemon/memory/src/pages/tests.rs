//! Blocks are apart from each other, and empty when they are given back.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::*;

/// Both are cut from one mapping, which lives as long as one of them.
fn two_blocks() -> [Block; 2] {
    let size = NonZeroUsize::new(100).unwrap();
    let blocks = map(Protection::Unprotected, &[size, size]).unwrap();
    blocks.try_into().ok().unwrap()
}

#[test]
fn blocks_start_empty_and_do_not_overlap() {
    let [mut one, mut two] = two_blocks();
    assert_eq!((&*one, &*two), (&[0; 100][..], &[0; 100][..]));
    one.fill(1);
    two.fill(2);
    assert_eq!((&*one, &*two), (&[1; 100][..], &[2; 100][..]));
}

#[test]
fn block_is_wiped_before_its_pages_are_given_back() {
    let [mut one, mut two] = two_blocks();
    one.fill(1);
    two.fill(2);
    let place = one.as_ptr() as u64;
    drop(one);
    let mut seen = [9; 200];
    File::open("/proc/self/mem")
        .unwrap()
        .read_exact_at(&mut seen, place)
        .unwrap();
    assert_eq!((&seen[..100], &seen[100..]), (&[0; 100][..], &[2; 100][..]));
    assert_eq!(two.len(), 100);
}

#[test]
fn mapping_without_bytes_is_refused() {
    assert_eq!(map(Protection::Unprotected, &[]).err(), Some(Errno::EINVAL));
    let huge = NonZeroUsize::MAX;
    assert_eq!(
        map(Protection::Unprotected, &[huge, huge]).err(),
        Some(Errno::EINVAL)
    );
}
