//! What the slow path and the management server of groups say to each other, and orders as the
//! domain takes them.

use crate::rules;
use api::{ApiError, Code, Hidden, Reply};
use control::service::Effect;
use control::{Addition, Command, InviteId, InviteTerms, Refusal, Role};
use group::agent::AgentMessage;
use group::lock::Lock;
use group::partner::Come;
use group::serial::hex;
use group::signing::AdminSignature;
use identity::crypto::AwsLc;
use identity::password::Verifier;
use std::collections::BTreeMap;
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
    /// These are in touch, as the server was opened.
    There(Vec<NodeAddr>),
    /// The session with a node has ended.
    Offline(NodeAddr),
    /// An order.
    Order {
        /// Who gives it.
        by: By,
        /// What to do.
        order: Order,
        /// Takes the answer.
        reply: SyncSender<Reply>,
    },
    /// What an administrator wants to know, or who administers.
    Manage {
        /// Who asks.
        by: By,
        /// What.
        request: api::ManageRequest,
        /// Takes the answer.
        reply: SyncSender<Reply>,
    },
    /// A password was checked.
    Checked {
        /// At whose node it was typed.
        f: NodeAddr,
        /// Whether it is the one.
        is_right: bool,
    },
    /// A password was hashed, for an order of an administrator.
    Hashed {
        /// Who gives it.
        by: By,
        /// The order, without the password.
        request: api::ManageRequest,
        /// What the password is checked by; `None`: there was no memory for it.
        verifier: Option<Box<Verifier>>,
        /// Takes the answer.
        reply: SyncSender<Reply>,
    },
    /// This node has the line of another server, whose groups it is to manage, too.
    Accept {
        /// Where that server is reached.
        server: NodeAddr,
        /// The line, and its secret.
        line: (String, [u8; SECRET_LEN]),
        /// How long to wait for it, in milliseconds.
        wait_ms: u64,
        /// Takes the answer.
        reply: SyncSender<Reply>,
    },
    /// That server has answered: these are the groups.
    Accepted {
        /// Where it is reached.
        server: NodeAddr,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// Takes the answer.
        reply: SyncSender<Reply>,
    },
    /// The node ends.
    End,
    /// What there is.
    List {
        /// What the node knows as a member.
        groups: api::Groups,
        /// Takes the answer.
        reply: SyncSender<Reply>,
    },
}

/// Who gives an order.
#[derive(Debug)]
pub enum By {
    /// Whoever may use the control socket.
    Operator,
    /// Whoever shows this key of an administrator, perhaps.
    Key(String),
}

/// An order.
#[derive(Debug)]
pub enum Order {
    /// Open the store, or make it.
    Serve {
        /// What groups protect from now on.
        site: Option<Vec<wire::Prefix>>,
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
    /// Make groups, with this node as a member or without.
    Create {
        /// Their names.
        groups: Vec<String>,
        /// Their time zone.
        zone: String,
        /// The ordinary addresses that they protect; `None`: those of the server.
        site: Option<Vec<wire::Prefix>>,
        /// For how long a sign-in is good there, in seconds; `None`: they take none.
        sign_in_s: Option<u64>,
        /// Whether this node is in them.
        enters: api::Enters,
        /// Who admits, if they are locked.
        locked: Option<api::Lock>,
    },
    /// Anything else.
    Plain(Command),
    /// What another order would do.
    Plan(Command),
}

impl Order {
    /// Whether it is about this machine's files, which no administrator elsewhere has to do with.
    pub const fn is_operators(&self) -> bool {
        matches!(
            self,
            Self::Serve { .. } | Self::Move { .. } | Self::Backup { .. }
        )
    }
}

/// What the server has for the slow path.
#[derive(Debug)]
pub enum FromGms {
    /// It is there.
    Ready {
        /// Its members' nodes.
        members: Vec<NodeAddr>,
        /// The other servers of its groups, and their keys.
        partners: BTreeMap<NodeAddr, [u8; 32]>,
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
    /// What to say to another server, by its line.
    Come {
        /// The line.
        line: String,
        /// What to say.
        come: Box<Come>,
        /// How long to wait for an answer, in milliseconds.
        wait_ms: u64,
        /// Takes the answer.
        reply: SyncSender<Reply>,
    },
    /// An invite was made: whoever asked gets the line.
    Line {
        /// Its id.
        invite: InviteId,
        /// Its secret.
        secret: [u8; SECRET_LEN],
        /// The locked group that it is of, if it is of one alone.
        lock: Option<Box<Lock>>,
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
    let prefixes = |all: Vec<api::Prefix>| all.into_iter().map(|it| it.0).collect();
    Some(match request {
        R::Serve {
            site,
            database,
            key,
        } => Order::Serve {
            site: site.map(prefixes),
            database,
            key,
        },
        R::Move { to } => Order::Move { to },
        R::Backup { file } => Order::Backup { file },
        R::Create {
            groups,
            zone,
            site,
            sign_in_s,
            enters,
            locked,
        } => Order::Create {
            groups,
            zone,
            site: site.map(prefixes),
            sign_in_s,
            enters,
            locked,
        },
        R::Add {
            member,
            groups,
            mode: wanted,
            accepts,
            roles,
            expires_s,
        } => Order::Plain(Command::Add(Addition {
            member,
            groups,
            mode: wanted.map(mode),
            accepts: prefixes(accepts),
            roles: roles.into_iter().collect(),
            node: None,
            life_s: expires_s,
        })),
        R::Invite {
            groups,
            uses,
            mode: wanted,
            roles,
            expires_s,
        } => {
            let terms = InviteTerms {
                uses,
                life_s: expires_s,
                mode: wanted.map(mode),
            };
            Order::Plain(Command::Invite {
                groups,
                roles: roles.into_iter().collect(),
                terms,
            })
        }
        R::Remove { member, group } => Order::Plain(Command::Remove { member, group }),
        R::Rotate { group } => Order::Plain(Command::Rotate { group }),
        R::Roles { member, roles } => Order::Plain(rules::set_roles(member, roles)),
        R::Rules {
            group,
            rules: wanted,
        } => Order::Plain(rules::set_rules(group, wanted)?),
        R::Share { groups, expires_s } => Order::Plain(Command::Share {
            groups,
            life_s: expires_s,
        }),
        R::Unshare { group, server } => Order::Plain(Command::Unshare {
            group,
            server: server.into(),
        }),
        R::Plan { order } => match order_of(*order)? {
            Order::Plain(command) => Order::Plan(command),
            // Its bounds were checked: it is none of these.
            other => other,
        },
        // It begins at the node, which reads the line.
        R::List | R::Accept { .. } => return None,
    })
}

/// An order about lines, administrators and users as the domain takes it; with what its password is checked by,
/// if it has one.
///
/// # Errors
/// It is none, or an id is not one.
pub fn command_of(
    request: api::ManageRequest,
    verifier: Option<Verifier>,
) -> Result<Command, ApiError> {
    use api::ManageRequest as R;
    let wrong = || ApiError::new(Code::BadRequest).with("detail", "action");
    match request {
        R::AddUser { user, devices, .. } => Ok(Command::AddUser {
            user,
            devices: devices.into_iter().collect(),
            verifier: verifier.ok_or_else(wrong)?,
        }),
        R::SetPassword { user, .. } => Ok(Command::SetPassword {
            user,
            verifier: verifier.ok_or_else(wrong)?,
        }),
        R::ChangeUser {
            user,
            devices,
            disabled,
        } => Ok(Command::ChangeUser {
            user,
            devices: devices.map(|all| all.into_iter().collect()),
            disabled,
        }),
        R::RemoveUser { user } => Ok(Command::RemoveUser { user }),
        R::RequireSignIn { group, period_s } => Ok(Command::RequireSignIn { group, period_s }),
        R::Withdraw { line } => {
            let id = hex::parse(&line).and_then(|it| it.try_into().ok());
            let unknown = || crate::refusals::refused(&Refusal::NoInvite);
            let invite = id.map(InviteId).ok_or_else(unknown)?;
            Ok(Command::Withdraw { invite })
        }
        R::AddAdmin {
            admin,
            role,
            expires_s,
        } => Ok(Command::AddAdmin {
            name: admin,
            role: match role {
                api::Role::Auditor => Role::Auditor,
                api::Role::Admin => Role::Admin,
                api::Role::Owner => Role::Owner,
            },
            life_s: expires_s,
        }),
        R::Approve(new) => {
            let signature = signature_of(&new.signature)?;
            Ok(Command::Approve(signature))
        }
        R::RemoveAdmin { admin } => Ok(Command::RemoveAdmin { name: admin }),
        _ => Err(wrong()),
    }
}

/// A signature that somebody brings.
///
/// # Errors
/// It is none, or was mistyped.
fn signature_of(text: &str) -> Result<AdminSignature, ApiError> {
    let mistyped = || ApiError::new(api::Code::SignatureText);
    AdminSignature::from_text(&AwsLc, text).ok_or_else(mistyped)
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
