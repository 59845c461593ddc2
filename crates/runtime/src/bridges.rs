//! Requests about Bridges, and what a node knows of them as values of the control interface.

use crate::answers;
use api::{ApiError, BridgeRequest, Code, Reply, Response};
use group::{AllowEntry, Services};
use node::{BridgeError, BridgeStatus, ClientStatus, ClientTerms, JoinError, Node};
use std::time::Duration;
use wire::channel::AttachStatus;
use wire::{NodeAddr, Now};

/// Answers a request about Bridges, all but [`BridgeRequest::Use`], which waits.
pub fn answer(node: &mut Node, now: Now, request: BridgeRequest, tcp_port: Option<u16>) -> Reply {
    match request {
        BridgeRequest::Serve { customer, password } => {
            node.serve(now, true);
            if let Some(password) = password {
                let hashed = hashed(&password.0)?;
                node.bridge_password(now, &customer, Some(hashed))
                    .map_err(bridge_error)?;
            }
            let serving = serving(node, now, tcp_port).unwrap_or_default();
            Ok(Response::BridgeServing(serving))
        }
        BridgeRequest::Stop => {
            node.serve(now, false);
            Ok(Response::Done)
        }
        BridgeRequest::Line {
            customer,
            expires_s,
            password,
        } => line(node, now, &customer, expires_s, password),
        BridgeRequest::Allow {
            who,
            customer,
            label,
            rate_bytes_s,
        } => {
            let who = answers::who(who);
            let before = node.clients().into_iter().find(|client| client.who == who);
            let entry = AllowEntry {
                who,
                services: Services::All,
                label: label.or_else(|| before.as_ref()?.label.clone()),
                accepts: Vec::new(),
                added_unix_s: before.map_or(now.unix_s, |before| before.added_unix_s),
            };
            let terms = ClientTerms {
                customer,
                rate_bytes_s,
            };
            node.bridge_allow(now, entry, terms).map_err(bridge_error)?;
            Ok(Response::Done)
        }
        BridgeRequest::Deny { who } => {
            let who = answers::who(who);
            node.bridge_deny(now, who).map_err(bridge_error)?;
            Ok(Response::Done)
        }
        BridgeRequest::List => Ok(Response::BridgeClients {
            serving: serving(node, now, tcp_port),
            clients: node.clients().iter().map(client).collect(),
        }),
        BridgeRequest::Probe => {
            node.probe_bridges(now);
            Ok(Response::Done)
        }
        BridgeRequest::Forget { bridge } => {
            node.forget_bridge(now, NodeAddr::from(bridge))
                .map_err(|error| bridge_error(error).with("bridge", bridge))?;
            Ok(Response::Done)
        }
        BridgeRequest::Use { .. } => Err(ApiError::new(Code::Internal).with("detail", "waits")),
    }
}

fn hashed(password: &str) -> Result<([u8; 16], [u8; 32]), ApiError> {
    let internal = |detail: String| ApiError::new(Code::Internal).with("detail", detail);
    let seed = os::random::seed().map_err(|error| internal(error.to_string()))?;
    let (salt, _) = seed
        .split_first_chunk()
        .ok_or_else(|| internal(String::new()))?;
    let hash = identity::password::hash(password, salt);
    let hash = hash.ok_or_else(|| internal("no memory for Argon2id".to_owned()))?;
    Ok((*salt, hash))
}

fn line(node: &mut Node, now: Now, customer: &str, expires_s: u64, password: bool) -> Reply {
    let endpoints = node.status(now).local_endpoints;
    let line = node
        .bridge_invite(now, customer, expires_s, password, &endpoints)
        .map_err(bridge_error)?;
    let max = wire::invite::ENDPOINTS_MAX;
    Ok(Response::BridgeLine(api::BridgeLine {
        line,
        expires_unix_s: now.unix_s.saturating_add(expires_s),
        endpoints: endpoints.into_iter().take(max).collect(),
        password,
    }))
}

/// How the node stands as a Bridge, if it is one.
pub fn serving(node: &Node, now: Now, tcp_port: Option<u16>) -> Option<api::Serving> {
    let status = node.serving(now);
    status.serving.then(|| api::Serving {
        clients: count(status.clients),
        channels: count(status.channels),
        lines_open: count(status.tickets),
        passwords: status.passwords,
        tcp_port,
    })
}

/// The Bridges that a node uses.
pub fn used(node: &Node, now: Now) -> Vec<api::UsedBridge> {
    node.bridges(now).iter().map(used_bridge).collect()
}

fn used_bridge(status: &BridgeStatus) -> api::UsedBridge {
    api::UsedBridge {
        address: status.f.to_ipv6(),
        endpoints: status.endpoints.clone(),
        state: answers::peer_state(status.state),
        attached: status.observed.is_some(),
        observed: status.observed.filter(|at| !at.ip().is_unspecified()),
        refusal: status.refusal.map(refusal),
        via: status.via.map(answers::via),
        rtt_ms: status.rtt.map(|rtt| rtt.as_secs_f64() * 1000.0),
        heard_age_ms: status.heard.map(millis),
        datagram_max: status.datagram_max.map(count),
        channels: count(status.channels),
    }
}

fn client(status: &ClientStatus) -> api::Client {
    api::Client {
        who: answers::api_who(status.who),
        address: status.f.map(NodeAddr::to_ipv6),
        label: status.label.clone(),
        customer: status.customer.clone(),
        rate_bytes_s: status.rate_bytes_s,
        added_unix_s: status.added_unix_s,
        attached: status.attached,
        via: status.via.map(answers::via),
        channels: count(status.channels),
        relayed_packets: status.relayed_packets,
        relayed_bytes: status.relayed_bytes,
    }
}

/// Why a Bridge has not taken this node.
pub const fn refusal(status: AttachStatus) -> api::Refusal {
    match status {
        AttachStatus::NotAdmitted => api::Refusal::NotAdmitted,
        AttachStatus::Password => api::Refusal::Password,
        AttachStatus::TryLater => api::Refusal::TryLater,
        AttachStatus::Full => api::Refusal::Full,
        AttachStatus::Attached | AttachStatus::Other(_) => api::Refusal::Unknown,
    }
}

/// What is said when a Bridge has not taken this node.
pub fn refused(bridge: NodeAddr, why: AttachStatus) -> ApiError {
    let refusal = serde_json::to_value(refusal(why)).unwrap_or_default();
    ApiError::new(Code::BridgeRefused)
        .with("bridge", bridge)
        .with("refusal", refusal.as_str().unwrap_or_default())
}

/// What is said when a Bridge has taken this node.
pub fn taken(node: &Node, now: Now, bridge: NodeAddr, took: Duration) -> Reply {
    let used = used(node, now).into_iter();
    let found = used.into_iter().find(|b| b.address == bridge.to_ipv6());
    Ok(Response::BridgeUsed(api::BridgeUsed {
        bridge: bridge.to_ipv6(),
        via: found.as_ref().and_then(|bridge| bridge.via),
        observed: found.and_then(|bridge| bridge.observed),
        took_ms: millis(took),
    }))
}

/// Why a command about Bridges was refused.
pub fn bridge_error(error: BridgeError) -> ApiError {
    let full = |max: usize| ApiError::new(Code::BridgeFull).with("max", max);
    match error {
        BridgeError::Line(JoinError::Bridge) => ApiError::new(Code::BridgeLine),
        BridgeError::Line(error) => answers::join_error(&error),
        BridgeError::NotABridge => ApiError::new(Code::NotABridge),
        BridgeError::Own => ApiError::new(Code::OwnAddress),
        BridgeError::TooMany => ApiError::new(Code::BridgesFull).with("max", node::BRIDGES_MAX),
        BridgeError::NoEndpoint => ApiError::new(Code::NoEndpoint),
        BridgeError::PasswordNeeded => ApiError::new(Code::BridgePassword),
        BridgeError::Unknown => ApiError::new(Code::UnknownBridge),
        BridgeError::NotServing => ApiError::new(Code::NotServing),
        BridgeError::Entry(error) => answers::allow_error(&error),
        BridgeError::TooManyCustomers => full(node::CUSTOMERS_MAX),
        BridgeError::TooManyTickets => full(node::TICKETS_MAX),
        BridgeError::Identity => ApiError::new(Code::InviteIdentity).with("detail", error),
        BridgeError::CustomerName => ApiError::new(Code::BadRequest).with("detail", "customer"),
        BridgeError::Invite(error) => answers::invite_error(error),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
