//! Descriptors that JavaScript holds, as numbers. The only unsafe code beside the ABI.
#![allow(unsafe_code)]

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

/// A descriptor by its number, for the time of one call. JavaScript owns it and closes it.
pub fn borrow<'a>(fd: i32) -> Result<BorrowedFd<'a>, Errno> {
    if fd < 0 {
        return Err(Errno::BADF);
    }
    // SAFETY: not -1. The number comes from `openRoot` or `openBeneath` and is used within one call on one thread; a
    // number that is not open (any more) is the kernel's EBADF.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}
