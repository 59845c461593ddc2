//! What the slow path and the management server of groups say to each other, and orders as the
//! domain takes them.

use api::{Hidden, Reply};
use control::service::Effect;
use control::{Addition, Command, InviteTerms};
use group::agent::AgentMessage;
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use wire::NodeAddr;
use wire::invite::SECRET_LEN;

/// Something for the server to do.
#[derive(Debug)]
pub enum Ask {
    /// A node says something.
    Heard {
        /// Which.
        from: NodeAddr,
        /// What.
        message: AgentMessage,
        /// Where it is, if it may be asked for at another instance.
        place: Option<AgentMessage>,
    },
    /// Where this node is, for members of another instance.
    Here(AgentMessage),
    /// The session with a node has ended.
    Offline(NodeAddr),
    /// An order of whoever may use the control socket.
    Order {
        /// What to do.
        order: Order,
        /// Takes the answer.
        reply: SyncSender<Reply>,
    },
    /// What there is.
    List {
        /// What the node knows as a member.
        groups: api::Groups,
        /// Takes the answer.
        reply: SyncSender<Reply>,
    },
}

/// An order over the control socket.
#[derive(Debug)]
pub enum Order {
    /// Open the store, or make it.
    Serve {
        /// Where, if not where it was.
        database: Option<Hidden>,
        /// Its key, if that is not here.
        key: Option<Hidden>,
    },
    /// Carry everything to another place.
    Move {
        /// Where.
        to: Hidden,
    },
    /// Write a copy of everything.
    Backup {
        /// Into which file.
        file: PathBuf,
    },
    /// Make a group, with this node as a member of a name or without.
    Create {
        /// Its name.
        group: String,
        /// Its time zone.
        zone: String,
        /// The ordinary addresses that it protects.
        site: Vec<wire::Prefix>,
        /// What this node is called.
        member: Option<String>,
    },
    /// Anything else.
    Plain(Command),
}

/// What the server has for the slow path.
#[derive(Debug)]
pub enum FromGms {
    /// It is there.
    Ready {
        /// Its members' nodes.
        members: Vec<NodeAddr>,
        /// What its lines prove.
        gate: [u8; SECRET_LEN],
    },
    /// It would know where this node is.
    WhereAmI,
    /// A node asked where another is, and another instance knew.
    Located {
        /// Who asked.
        to: NodeAddr,
        /// The answer.
        place: AgentMessage,
    },
    /// Something for a node.
    Effect(Effect),
    /// An invite was made: whoever asked gets the line.
    Line {
        /// Its secret.
        secret: [u8; SECRET_LEN],
        /// When it expires, Unix seconds.
        expires_unix_s: u64,
        /// Takes the line.
        reply: SyncSender<Reply>,
    },
}

/// An order as the domain takes it.
pub fn order_of(request: api::GroupRequest) -> Option<Order> {
    use api::GroupRequest as R;
    let mode = |mode| match mode {
        api::Mode::Open => group::Mode::Open,
        api::Mode::Closed => group::Mode::Closed,
    };
    Some(match request {
        R::Serve { database, key } => Order::Serve { database, key },
        R::Move { to } => Order::Move { to },
        R::Backup { file } => Order::Backup { file },
        R::Create {
            group,
            zone,
            site,
            member,
        } => Order::Create {
            group,
            zone,
            site: site.into_iter().map(|it| it.0).collect(),
            member,
        },
        R::Add {
            member,
            groups,
            mode: wanted,
            accepts,
            expires_s,
        } => Order::Plain(Command::Add(Addition {
            member,
            groups,
            mode: wanted.map(mode),
            accepts: accepts.into_iter().map(|it| it.0).collect(),
            node: None,
            life_s: expires_s,
        })),
        R::Invite {
            groups,
            uses,
            expires_s,
        } => {
            let terms = InviteTerms {
                uses,
                life_s: expires_s,
            };
            Order::Plain(Command::Invite { groups, terms })
        }
        R::Remove { member, group } => Order::Plain(Command::Remove { member, group }),
        R::Rotate { group } => Order::Plain(Command::Rotate { group }),
        R::List => return None,
    })
}

/// A kind as the control interface says it.
pub const fn kind(kind: group::Kind) -> api::Kind {
    match kind {
        group::Kind::Ges => api::Kind::Ges,
        group::Kind::Gen => api::Kind::Gen,
        group::Kind::Gea => api::Kind::Gea,
    }
}

/// A mode as the control interface says it.
pub const fn mode(mode: group::Mode) -> api::Mode {
    match mode {
        group::Mode::Open => api::Mode::Open,
        group::Mode::Closed => api::Mode::Closed,
    }
}
