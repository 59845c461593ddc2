//! Where the demo plays: five network namespaces in one user namespace, and their cables.
//!
//! ```text
//!   Alice 192.168.1.2 ── NAT ── 192.0.2.2 ═ wire-alice ═ 192.0.2.1 ┐
//!                                           Eve listens            ├ the Bridge, and the internet
//!   Bob   192.168.1.2 ── NAT ── 198.51.100.2 ════════ 198.51.100.1 ┘
//! ```
//!
//! Two homes with the same private network, each behind a real NAT that gives every destination
//! another port, as those of mobile carriers do: no packet gets in but answers, and no hole can be
//! punched. The Bridge's machine also passes packets on between the two NATs, as the internet would.
//!
//! Where the kernel has no NAT for namespaces, or lets them not pass packets on, the homes are on
//! the cables themselves, apart because nothing passes packets from one to the other.

use crate::failure::{Exit, Failure};
use os::netlink::{Netlink, masquerade};
use os::netns::{
    current_network, enter_network, forward_ipv4, unshare_network, unshare_user_and_network,
};
use std::fmt::Display;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};

/// The cable that Eve listens on, by the name of its end at the Bridge.
pub(super) const WIRE: &str = "wire-alice";
/// The length of every prefix here, in bits.
const PREFIX_LEN: u8 = 24;
/// The Bridge and Alice's NAT.
const ALICE: [[u8; 4]; 2] = [[192, 0, 2, 1], [192, 0, 2, 2]];
/// The Bridge and Bob's NAT.
const BOB: [[u8; 4]; 2] = [[198, 51, 100, 1], [198, 51, 100, 2]];
/// A NAT and who is behind it.
const HOME: [[u8; 4]; 2] = [[192, 168, 1, 1], [192, 168, 1, 2]];

/// The networks that nodes are in.
pub(super) struct Places {
    pub(super) alice: OwnedFd,
    pub(super) bob: OwnedFd,
    pub(super) bridge: OwnedFd,
    /// Whether the homes are behind NATs.
    pub(super) have_nats: bool,
    /// A network without a process in it lives as long as its descriptor.
    _nats: Vec<OwnedFd>,
}

impl Places {
    /// Makes them. The process must have one thread only, and ends up in the Bridge's.
    ///
    /// # Errors
    /// The system does not allow it.
    pub(super) fn make() -> Result<Places, Failure> {
        unshare()?;
        let bridge = current_network().map_err(failed)?;
        plug("lo", None)?;
        let have_nats = has_nat() && {
            enter_network(&bridge).map_err(failed)?;
            forward_ipv4().is_ok()
        };
        let mut nats = Vec::new();
        let mut home = |wire, at| {
            if !have_nats {
                return cable(&bridge, [wire, "eth0"], at);
            }
            let nat = nat(&bridge, wire, at)?;
            let home = cable(&nat, ["lan", "eth0"], HOME);
            nats.push(nat);
            home
        };
        let alice = home(WIRE, ALICE)?;
        let bob = home("wire-bob", BOB)?;
        enter_network(&bridge).map_err(failed)?;
        Ok(Places {
            alice,
            bob,
            bridge,
            have_nats,
            _nats: nats,
        })
    }
}

/// Whether a namespace here can be a NAT: tried in one, in which the process ends up.
fn has_nat() -> bool {
    unshare_network().is_ok() && forward_ipv4().is_ok() && masquerade().is_ok()
}

/// A user namespace with a network of its own; root may do without the former.
fn unshare() -> Result<(), Failure> {
    let forbidden = |error: &dyn Display| {
        Failure::new(Exit::Failed, "error-demo-namespace").with("detail", error)
    };
    match unshare_user_and_network() {
        Ok(()) => Ok(()),
        Err(_) if os::process::user_id() == 0 => {
            unshare_network().map_err(|error| forbidden(&error))
        }
        Err(error) => Err(forbidden(&error)),
    }
}

/// A NAT on a cable from the Bridge, with these addresses at its ends.
fn nat(bridge: &OwnedFd, wire: &str, at: [[u8; 4]; 2]) -> Result<OwnedFd, Failure> {
    let nat = cable(bridge, [wire, "wan"], at)?;
    forward_ipv4().map_err(failed)?;
    masquerade().map_err(failed)?;
    Ok(nat)
}

/// A new namespace on a cable from `near`, with a default route back. The process ends up in it.
fn cable(near: &OwnedFd, names: [&str; 2], at: [[u8; 4]; 2]) -> Result<OwnedFd, Failure> {
    enter_network(near).map_err(failed)?;
    let mut netlink = Netlink::open().map_err(failed)?;
    netlink.add_veth(names[0], names[1]).map_err(failed)?;
    plug(names[0], Some(at[0]))?;
    unshare_network().map_err(failed)?;
    let end = current_network().map_err(failed)?;
    let index = netlink.link(names[1]).map_err(failed)?.index;
    let moved = netlink.move_to_namespace(index, end.as_fd());
    moved.map_err(failed)?;
    plug("lo", None)?;
    let index = plug(names[1], Some(at[1]))?;
    let mut netlink = Netlink::open().map_err(failed)?;
    let everywhere = IpAddr::from([0, 0, 0, 0]);
    let route = netlink.add_route(everywhere, 0, index, Some(at[0].into()));
    route.map_err(failed)?;
    Ok(end)
}

/// Brings up an interface of this namespace, and gives it an address; its number.
fn plug(name: &str, address: Option<[u8; 4]>) -> Result<u32, Failure> {
    let mut netlink = Netlink::open().map_err(failed)?;
    let index = netlink.link(name).map_err(failed)?.index;
    if let Some(address) = address {
        let added = netlink.add_address(index, address.into(), PREFIX_LEN, false);
        added.map_err(failed)?;
    }
    netlink.set_up(index, true).map_err(failed)?;
    Ok(index)
}

/// The stage cannot be built.
pub(super) fn failed(detail: impl Display) -> Failure {
    Failure::new(Exit::Failed, "error-demo-stage").with("detail", detail)
}
