//! Where the overlay's interface is: in this network, in a namespace, or nowhere.

use crate::settings::{InterfaceMode, Routes};
use api::NetworkMode;
use os::holder::{self, Holder};
use os::interface::{InterfaceError, Plan, open_here};
use os::process::may_configure_network;
use os::tun::{Device, TunError};
use std::net::{IpAddr, Ipv6Addr};

/// The prefixes of addresses F and of aliases.
pub const PREFIXES: [(Ipv6Addr, u8); 2] = [
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 8),
    (Ipv6Addr::new(0x0200, 0, 0, 0, 0, 0, 0, 0), 7),
];

/// The interface and what holds it.
#[derive(Debug)]
pub struct Inside {
    /// The interface, by its queues; none without one.
    pub queues: Vec<Device>,
    /// The namespace's holder; the namespace ends with it.
    pub holder: Option<Holder>,
    /// Where it is.
    pub mode: NetworkMode,
    /// Why there is none although one was wanted.
    pub missing: Option<String>,
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its name.
    pub name: String,
    /// Where.
    pub mode: InterfaceMode,
    /// What leads to it.
    pub routes: Routes,
    /// Its MTU in bytes.
    pub mtu: u16,
    /// Whether the kernel may pass large frames.
    pub offloads: bool,
    /// How many queues it has at most.
    pub queues: usize,
    /// Its addresses with the length of their prefix.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// Makes the interface.
///
/// # Errors
/// It cannot be made where it was asked for, or (in mode `Auto`) a prefix leads elsewhere.
pub fn open(wanted: &Wanted) -> Result<Inside, InterfaceError> {
    match wanted.mode {
        InterfaceMode::None => Ok(nowhere(None)),
        InterfaceMode::Kernel => in_this_network(wanted),
        InterfaceMode::Rootless => in_a_namespace(wanted),
        InterfaceMode::Auto => {
            if may_configure_network() {
                match in_this_network(wanted) {
                    Err(InterfaceError::Tun(TunError::Missing | TunError::NotPermitted(_))) => {}
                    other => return other,
                }
            }
            in_a_namespace(wanted).or_else(|error| Ok(nowhere(Some(error.to_string()))))
        }
    }
}

fn nowhere(missing: Option<String>) -> Inside {
    Inside {
        queues: Vec::new(),
        holder: None,
        mode: NetworkMode::None,
        missing,
    }
}

fn plan(wanted: &Wanted, routes: &[(Ipv6Addr, u8)]) -> Plan {
    Plan {
        name: wanted.name.clone(),
        mtu: u32::from(wanted.mtu),
        offloads: wanted.offloads,
        queues: wanted.queues,
        addresses: wanted.addresses.clone(),
        routes: routes.to_vec(),
    }
}

fn in_this_network(wanted: &Wanted) -> Result<Inside, InterfaceError> {
    let routes: &[_] = if wanted.routes == Routes::Overlay {
        &PREFIXES
    } else {
        &[]
    };
    Ok(Inside {
        queues: open_here(&plan(wanted, routes))?,
        holder: None,
        mode: NetworkMode::Kernel,
        missing: None,
    })
}

fn in_a_namespace(wanted: &Wanted) -> Result<Inside, InterfaceError> {
    let routes: &[_] = if wanted.routes == Routes::None {
        &[]
    } else {
        &PREFIXES
    };
    let (holder, queues) = holder::start(&plan(wanted, routes))?;
    Ok(Inside {
        queues,
        holder: Some(holder),
        mode: NetworkMode::Rootless,
        missing: None,
    })
}
