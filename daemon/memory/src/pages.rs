//! Pages from the kernel, lent out in blocks and given back empty.
//!
//! A [`Mapping`] is cut into [`Block`]s once, when it is made, and no two blocks overlap. A block is
//! the only way to its bytes, so the borrow checker guards them from there on; the mapping is
//! given back when its last block is gone.
#![expect(
    unsafe_code,
    reason = "memfd_secret has no safe wrapper, and mapped memory has no owner the compiler knows"
)]

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::mman::{
    MapFlags, MmapAdvise, ProtFlags, madvise, mlock, mmap, mmap_anonymous, munmap,
};
use nix::unistd::ftruncate;
use zeroize::Zeroize;

use crate::protection::Protection;

/// Takes zeroed pages and cuts them into one block for each of `sizes`.
///
/// # Errors
/// What the kernel said when it refused the pages or their protection.
pub(crate) fn map(protection: Protection, sizes: &[NonZeroUsize]) -> Result<Vec<Block>, Errno> {
    let bytes = sizes
        .iter()
        .try_fold(0_usize, |sum, size| sum.checked_add(size.get()))
        .and_then(NonZeroUsize::new)
        .ok_or(Errno::EINVAL)?;
    let mapping = Arc::new(Mapping::new(protection, bytes)?);
    let mut offset = 0;
    let cut = |size: &NonZeroUsize| {
        // SAFETY: needed to name a place inside the mapping. The sizes add up to its length without
        // overflow, so the offset of each block and its end stay inside.
        let start = unsafe { mapping.start.add(offset) };
        offset += size.get();
        Block {
            start,
            bytes: size.get(),
            _mapping: Arc::clone(&mapping),
        }
    };
    Ok(sizes.iter().map(cut).collect())
}

/// Exclusive bytes inside a mapping; wiped when dropped.
pub(crate) struct Block {
    start: NonNull<u8>,
    bytes: usize,
    _mapping: Arc<Mapping>,
}

// SAFETY: needed because a raw pointer is not `Send`. A block alone reaches its bytes, and the
// memory is bound to the process, not to a thread.
unsafe impl Send for Block {}
// SAFETY: needed because a raw pointer is not `Sync`. A shared block lends its bytes for reading
// only; there is no interior mutability.
unsafe impl Sync for Block {}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: needed to see mapped memory as a slice. The bytes are mapped readable and zeroed
        // by the kernel, live as long as `_mapping`, and no other block covers them.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.bytes) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; the pages are writable and `&mut self` makes the borrow the only one.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.bytes) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.zeroize();
    }
}

/// Mapped pages; given back on drop. Their content is wiped by the blocks, which end first.
struct Mapping {
    start: NonNull<u8>,
    bytes: NonZeroUsize,
}

// SAFETY: needed because a raw pointer is not `Send`. The mapping only remembers what to unmap.
unsafe impl Send for Mapping {}
// SAFETY: needed because a raw pointer is not `Sync`. A shared mapping offers nothing but its address.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(protection: Protection, bytes: NonZeroUsize) -> Result<Self, Errno> {
        let start = match protection {
            Protection::Secretmem => map_secret(bytes)?,
            Protection::Mlock | Protection::Unprotected => map_anonymous(bytes)?,
        };
        let mapping = Self {
            start: start.cast(),
            bytes,
        };
        if protection != Protection::Unprotected {
            mapping.protect(protection)?;
        }
        Ok(mapping)
    }

    /// Keeps the pages out of swap, core dumps and forked children.
    fn protect(&self, protection: Protection) -> Result<(), Errno> {
        let start = self.start.cast();
        // SAFETY: needed because these calls take an address. They name exactly this mapping and
        // change neither its content nor its place; no child of ours uses it.
        unsafe {
            if protection == Protection::Mlock {
                mlock(start, self.bytes.get())?;
            }
            madvise(start, self.bytes.get(), MmapAdvise::MADV_DONTDUMP)?;
            madvise(start, self.bytes.get(), MmapAdvise::MADV_DONTFORK)
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: needed to give the pages back. They were mapped by `new` with this length, and no
        // block is left that could reach them. An error could only mean that they were not mapped.
        let _ = unsafe { munmap(self.start.cast(), self.bytes.get()) };
    }
}

fn map_secret(bytes: NonZeroUsize) -> Result<NonNull<c_void>, Errno> {
    // The manual page says FD_CLOEXEC, kernels check for O_CLOEXEC (mm/secretmem.c).
    // SAFETY: needed because libc has no wrapper. The call takes flags only and returns a new
    // descriptor or -1.
    let returned = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    let raw = i32::try_from(Errno::result(returned)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: needed to own the descriptor. The kernel just made it and nobody else knows it.
    let descriptor = unsafe { OwnedFd::from_raw_fd(raw) };
    ftruncate(
        &descriptor,
        i64::try_from(bytes.get()).map_err(|_| Errno::EFBIG)?,
    )?;
    // SAFETY: needed to map. The kernel chooses the address, so no existing mapping is touched; the
    // descriptor may be closed afterwards, and then nobody can shrink the file under the mapping.
    unsafe {
        mmap(
            None,
            bytes,
            READ_WRITE,
            MapFlags::MAP_SHARED,
            &descriptor,
            0,
        )
    }
}

fn map_anonymous(bytes: NonZeroUsize) -> Result<NonNull<c_void>, Errno> {
    // SAFETY: needed to map. The kernel chooses the address, so no existing mapping is touched.
    unsafe { mmap_anonymous(None, bytes, READ_WRITE, MapFlags::MAP_PRIVATE) }
}

const READ_WRITE: ProtFlags = ProtFlags::PROT_READ.union(ProtFlags::PROT_WRITE);

#[cfg(test)]
mod tests;
