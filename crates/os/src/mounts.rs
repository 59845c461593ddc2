//! Files that a program sees in place of others: a mount namespace of its own, and in it a mount over each.
//!
//! The files of the machine are not touched, and no other process sees the difference.

use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::io;
use std::path::Path;

/// Moves this process (of one thread) and whatever it starts into a mount namespace of its own. Needs the rights
/// over the user namespace that it is in, as after [`crate::netns::enter`].
///
/// # Errors
/// No right to.
pub fn leave_shared() -> io::Result<()> {
    // SAFETY: the flag unshares neither memory nor descriptors.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }?;
    mount_change(
        "/",
        MountPropagationFlags::PRIVATE | MountPropagationFlags::REC,
    )?;
    Ok(())
}

/// Shows `file` where `over` is. After [`leave_shared`].
///
/// # Errors
/// One of the two is not there.
pub fn show(file: &Path, over: &Path) -> io::Result<()> {
    Ok(mount_bind(file, over)?)
}
