//! User and network namespaces: making them, and entering another process's.
//!
//! Nothing here needs privileges where the system lets ordinary users make user
//! namespaces. Inside one that [`unshare_user_and_network`] made, the user keeps its own
//! id (and only that one is mapped), and has every right over the network there.

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

/// Why a namespace could not be made or entered.
#[derive(Debug, thiserror::Error)]
pub enum NamespaceError {
    /// The system does not let ordinary users make user namespaces (a sysctl, an AppArmor
    /// profile, a container's seccomp filter).
    #[error("this system does not let user {user} make a user namespace: {source}")]
    Forbidden {
        /// The user who tried.
        user: u32,
        /// Why.
        source: io::Error,
    },
    /// The process whose namespace was wanted has ended or belongs to somebody else.
    #[error("the namespace of process {pid} cannot be entered: {source}")]
    Unreachable {
        /// The process.
        pid: u32,
        /// Why.
        source: io::Error,
    },
    /// Something else failed.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
}

/// Moves this process into a new user namespace, in which its user and group keep their
/// numbers, and into a new network namespace that belongs to it. The process must have one
/// thread only.
///
/// # Errors
/// [`NamespaceError::Forbidden`] where the system does not allow it.
pub fn unshare_user_and_network() -> Result<(), NamespaceError> {
    let (user, group) = (
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw(),
    );
    let forbidden = |source: io::Error| NamespaceError::Forbidden { user, source };
    // SAFETY: neither flag unshares memory or descriptors that other threads use.
    unsafe { unshare_unsafe(UnshareFlags::NEWUSER | UnshareFlags::NEWNET) }
        .map_err(|error| forbidden(error.into()))?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1")).map_err(forbidden)?;
    std::fs::write("/proc/self/setgroups", "deny").map_err(forbidden)?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1")).map_err(forbidden)
}

/// Moves this thread into a new, empty network namespace. Needs `CAP_SYS_ADMIN`.
///
/// # Errors
/// No right to.
pub fn unshare_network() -> Result<(), NamespaceError> {
    // SAFETY: the flag unshares neither memory nor descriptors.
    unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.map_err(|error| NamespaceError::Io {
        what: "making a network namespace",
        source: error.into(),
    })
}

/// This thread's network namespace, kept alive by the descriptor.
///
/// # Errors
/// `/proc` is not mounted.
pub fn current_network() -> Result<OwnedFd, NamespaceError> {
    File::open("/proc/thread-self/ns/net")
        .map(OwnedFd::from)
        .map_err(|source| NamespaceError::Io {
            what: "opening the network namespace",
            source,
        })
}

/// Moves this thread into the network namespace behind `namespace`.
///
/// # Errors
/// No right to.
pub fn enter_network(namespace: impl AsFd) -> Result<(), NamespaceError> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).map_err(
        |error| NamespaceError::Io {
            what: "entering a network namespace",
            source: error.into(),
        },
    )
}

/// Lets this thread's network namespace pass IPv4 packets on from one interface to another. For
/// namespaces of our own: on a host that is its owner's decision.
///
/// # Errors
/// No right to, or `/proc/sys` is read-only.
pub fn forward_ipv4() -> Result<(), NamespaceError> {
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").map_err(|source| NamespaceError::Io {
        what: "switching forwarding on",
        source,
    })
}

/// Moves this process (of one thread) into the user and network namespaces of process
/// `pid`. Works without privileges for the user who made them. Ids stay the same, so what
/// is executed afterwards runs as the same user, without capabilities.
///
/// # Errors
/// As [`enter_user`].
pub fn enter(pid: u32) -> Result<(), NamespaceError> {
    let network = enter_user(pid)?;
    let entered = move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network));
    entered.map_err(|error| NamespaceError::Unreachable {
        pid,
        source: error.into(),
    })
}

/// Moves this process (of one thread) into the user namespace of process `pid` only, and
/// returns the network namespace of that process: any thread may [`enter_network`] it from
/// now on, and the others stay where they are.
///
/// Never into a user namespace of somebody else, not even for root, who could: its owner has
/// every right over what runs inside, and would have root's files with it. That also holds
/// when `pid` was given to another process meanwhile.
///
/// # Errors
/// [`NamespaceError::Unreachable`] when the process is gone or another user's.
pub fn enter_user(pid: u32) -> Result<OwnedFd, NamespaceError> {
    let failed = |source: io::Error| NamespaceError::Unreachable { pid, source };
    let open = |kind: &str| File::open(format!("/proc/{pid}/ns/{kind}"));
    let (user, network) = (open("user").map_err(failed)?, open("net").map_err(failed)?);
    let own = std::fs::metadata("/proc/self/ns/user").map_err(failed)?;
    // Entering the user namespace that one is in already is an error to the kernel.
    if user.metadata().map_err(failed)?.ino() != own.ino() {
        if owner_of(&user).map_err(failed)? != crate::process::user_id() {
            return Err(failed(io::ErrorKind::PermissionDenied.into()));
        }
        move_into_link_name_space(user.as_fd(), Some(LinkNameSpaceType::User))
            .map_err(|error| failed(error.into()))?;
    }
    Ok(network.into())
}

/// The user who made the user namespace behind `namespace` (`ioctl_ns(2)`).
fn owner_of(namespace: &File) -> io::Result<u32> {
    const NS_GET_OWNER_UID: libc::c_ulong = 0xb704;
    let mut owner: libc::uid_t = 0;
    // SAFETY: the pointer is to a live uid_t, which is what this request writes.
    let result =
        unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_OWNER_UID as _, &raw mut owner) };
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(owner)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::netlink::Netlink;

    /// Runs `test` on a thread in an empty network namespace whose loopback is up; says so
    /// and skips it when the tests do not run as root (the lab covers ordinary users).
    pub(crate) fn in_new_network(test: impl FnOnce() + Send + 'static) {
        let thread = std::thread::spawn(move || {
            if let Err(error) = unshare_network() {
                eprintln!("skipped: {error}");
                return;
            }
            let mut netlink = Netlink::open().unwrap();
            let loopback = netlink.link("lo").unwrap().index;
            netlink.set_up(loopback, true).unwrap();
            test();
        });
        thread.join().unwrap();
    }

    #[test]
    fn a_thread_comes_back_to_the_namespace_it_left() {
        in_new_network(|| {
            let home = current_network().unwrap();
            Netlink::open().unwrap().add_veth("here", "also").unwrap();
            unshare_network().unwrap();
            assert!(Netlink::open().unwrap().link("here").is_err());
            enter_network(&home).unwrap();
            Netlink::open().unwrap().link("here").unwrap();
        });
    }

    /// Needs root: who is told of a process in a namespace that another user made must not
    /// run anything there.
    #[test]
    fn a_namespace_of_another_user_is_not_entered() {
        use std::io::Read;
        use std::os::unix::process::CommandExt;
        if crate::process::user_id() != 0 {
            eprintln!("skipped: not root");
            return;
        }
        let mut command = std::process::Command::new("unshare");
        command.args([
            "--user",
            "--net",
            "--",
            "sh",
            "-c",
            "echo there; exec sleep 60",
        ]);
        command
            .uid(65_534)
            .gid(65_534)
            .stdout(std::process::Stdio::piped());
        let mut stranger = command.spawn().unwrap();
        let mut said = [0; 6];
        let there = stranger.stdout.as_mut().unwrap().read_exact(&mut said);
        let pid = stranger.id();
        // With several threads the kernel would say EINVAL, but only after this check.
        let entered = there.is_ok().then(|| enter(pid));
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        match entered {
            None => eprintln!("skipped: no user namespaces for ordinary users"),
            Some(Err(NamespaceError::Unreachable { source, .. })) => {
                assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
            }
            Some(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_process_that_is_gone_cannot_be_entered() {
        let gone = std::process::Command::new("true").spawn().unwrap();
        let pid = gone.id();
        drop(gone.wait_with_output().unwrap());
        assert!(matches!(
            enter(pid),
            Err(NamespaceError::Unreachable { .. })
        ));
    }
}
