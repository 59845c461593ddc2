//! What has happened in a tenant. Events are written down and never changed; statements in them are
//! the bytes that were signed.

use std::collections::BTreeSet;

use group::Mode;
use group::serial::hex;
use serde::{Deserialize, Serialize};
use wire::{NodeAddr, Prefix};

use crate::actor::{AdminId, InviteId, Role};
use crate::rule_test::RuleTest;
use crate::sign_in::{NotSignedIn, SignedOut};

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// How the server is used has changed.
    ServerSet {
        /// Whether its node is in none of the groups that it makes, unless somebody says so.
        apart: bool,
        /// The ordinary addresses that new groups protect, unless somebody says otherwise.
        #[serde(
            default,
            skip_serializing_if = "Vec::is_empty",
            with = "group::serial::prefixes"
        )]
        site: Vec<Prefix>,
    },
    /// There is a group.
    GroupCreated {
        /// Its name.
        group: String,
        /// Its time zone.
        zone: String,
        /// The ordinary addresses that it protects.
        #[serde(
            default,
            skip_serializing_if = "Vec::is_empty",
            with = "group::serial::prefixes"
        )]
        site: Vec<Prefix>,
        /// For how long a sign-in is good there, in seconds; `None`: it takes none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sign_in_s: Option<u64>,
        /// Its genesis.
        #[serde(with = "hex")]
        genesis: Vec<u8>,
        /// Who manages it.
        #[serde(with = "hex")]
        authority: Vec<u8>,
    },
    /// Other servers manage a group, or they are reached elsewhere.
    AuthorityChanged {
        /// Which group.
        group: String,
        /// Who manages it.
        #[serde(with = "hex")]
        authority: Vec<u8>,
    },
    /// There is a member, perhaps without a node yet.
    MemberAdded {
        /// Its name.
        member: String,
        /// Its mode, if it is not that of its kind.
        mode: Option<Mode>,
        /// What may lie behind it.
        #[serde(
            default,
            skip_serializing_if = "Vec::is_empty",
            with = "group::serial::prefixes"
        )]
        accepts: Vec<Prefix>,
        /// What it is, for the rules of groups.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        roles: BTreeSet<String>,
    },
    /// A member is something else now, for the rules of groups.
    RolesSet {
        /// Who.
        member: String,
        /// What it is.
        roles: BTreeSet<String>,
    },
    /// A group has other rules, or other tests of them.
    RulesSet {
        /// Which group.
        group: String,
        /// The statement; `None`: the rules are those before.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "statement")]
        rules: Option<Vec<u8>>,
        /// The tests.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tests: Vec<RuleTest>,
    },
    /// The admins of a locked group are asked to sign rules, and for none that they were asked for before.
    RulesAsked {
        /// Which group.
        group: String,
        /// The statement, with the signatures that it has; `None`: nothing is asked any more.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "statement")]
        rules: Option<Vec<u8>>,
        /// The tests that are kept with it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tests: Vec<RuleTest>,
    },
    /// An admin has signed them.
    RulesSigned {
        /// Which group.
        group: String,
        /// Which admin, by its place in the genesis.
        admin: u8,
        /// Its signature.
        #[serde(with = "hex")]
        signature: [u8; 64],
    },
    /// A member shall be in a group.
    MembershipGranted {
        /// Who.
        member: String,
        /// Where.
        group: String,
    },
    /// An admission was signed.
    Admitted {
        /// Who.
        member: String,
        /// Where.
        group: String,
        /// The statement.
        #[serde(with = "hex")]
        admission: Vec<u8>,
    },
    /// The admins of a locked group are asked to sign an admission.
    AdmissionAsked {
        /// Who.
        member: String,
        /// Where.
        group: String,
        /// The statement, which nobody has signed.
        #[serde(with = "hex")]
        admission: Vec<u8>,
    },
    /// An admin has signed it.
    AdmissionSigned {
        /// Who is to be admitted.
        member: String,
        /// Where.
        group: String,
        /// Which admin, by its place in the genesis.
        admin: u8,
        /// Its signature.
        #[serde(with = "hex")]
        signature: [u8; 64],
    },
    /// The admins are asked for it no more: the member is again what it was.
    AdmissionUnasked {
        /// Who.
        member: String,
        /// Where.
        group: String,
    },
    /// A member is in a group no more.
    MembershipEnded {
        /// Who.
        member: String,
        /// Where.
        group: String,
    },
    /// The chain of a group has grown.
    Entry {
        /// Which group's.
        group: String,
        /// The entry.
        #[serde(with = "hex")]
        entry: Vec<u8>,
    },
    /// Somebody may come.
    InviteMade {
        /// Which invite.
        invite: InviteId,
        /// As which member; `None`: as a new one.
        member: Option<String>,
        /// Into which groups, if as a new one.
        groups: Vec<String>,
        /// How many may.
        uses: u32,
        /// The mode of new ones, if it is not that of their kind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<Mode>,
        /// What new ones are.
        #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
        roles: BTreeSet<String>,
        /// Until when, Unix seconds.
        expires_unix_s: u64,
        /// It is for another server, which is to manage the groups too.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        partner: bool,
    },
    /// Another server came by a line, to manage groups with this one.
    PartnerCame {
        /// By which invite.
        invite: InviteId,
        /// Where it is reached.
        #[serde(with = "group::serial::addr")]
        f: NodeAddr,
    },
    /// This server manages a group of another from now on.
    GroupTaken {
        /// Its name.
        group: String,
        /// Its time zone.
        zone: String,
        /// The ordinary addresses that it protects.
        #[serde(
            default,
            skip_serializing_if = "Vec::is_empty",
            with = "group::serial::prefixes"
        )]
        site: Vec<Prefix>,
        /// Its genesis.
        #[serde(with = "hex")]
        genesis: Vec<u8>,
        /// Who manages it.
        #[serde(with = "hex")]
        authority: Vec<u8>,
        /// The index of this server's chain.
        index: u8,
    },
    /// The chain of another server of a group has grown.
    PartnerEntry {
        /// Which group's.
        group: String,
        /// The entry.
        #[serde(with = "hex")]
        entry: Vec<u8>,
    },
    /// Another server of a group has admitted somebody.
    PartnerAdmitted {
        /// Where.
        group: String,
        /// The statement.
        #[serde(with = "hex")]
        admission: Vec<u8>,
    },
    /// Somebody came.
    InviteUsed {
        /// By which invite.
        invite: InviteId,
    },
    /// An invite is good for nothing any more.
    InviteEnded {
        /// Which.
        invite: InviteId,
    },
    /// A member has a node.
    Enrolled {
        /// Who.
        member: String,
        /// The node.
        #[serde(with = "group::serial::addr")]
        f: NodeAddr,
        /// What the node is.
        kind: group::Kind,
        /// What lies behind it.
        #[serde(with = "group::serial::prefixes")]
        prefixes: Vec<Prefix>,
        /// The invite that it came by; `None`: the server's own node.
        invite: Option<InviteId>,
    },
    /// A member is gone.
    MemberRemoved {
        /// Who.
        member: String,
    },
    /// Somebody may administer.
    AdminAdded {
        /// By which secret.
        admin: AdminId,
        /// Who that is.
        name: String,
        /// What it may.
        role: Role,
        /// Until when, Unix seconds; `None`: until it is removed.
        expires_unix_s: Option<u64>,
    },
    /// Somebody administers no more.
    AdminRemoved {
        /// By which secret it did.
        admin: AdminId,
    },
    /// A group requires a sign-in from now on, or none.
    SignInRequired {
        /// Which group.
        group: String,
        /// For how long one is good, in seconds; `None`: it takes none.
        period_s: Option<u64>,
    },
    /// Somebody may sign in.
    UserAdded {
        /// Who.
        user: String,
        /// At the nodes of which members.
        devices: BTreeSet<String>,
    },
    /// Somebody may sign in elsewhere, or not, or again.
    UserChanged {
        /// Who.
        user: String,
        /// At the nodes of which members.
        devices: BTreeSet<String>,
        /// It may not at all.
        disabled: bool,
    },
    /// A user has another password.
    PasswordSet {
        /// Who.
        user: String,
    },
    /// A user is gone.
    UserRemoved {
        /// Who.
        user: String,
    },
    /// Somebody is signed in at a member's node.
    SignedIn {
        /// At whose.
        member: String,
        /// Who.
        user: String,
        /// Since when, Unix seconds.
        at_unix_s: u64,
    },
    /// Somebody was not signed in.
    SignInRefused {
        /// At whose node.
        member: String,
        /// Who; `None`: there is no such user.
        user: Option<String>,
        /// Why not.
        why: NotSignedIn,
        /// When, Unix seconds.
        at_unix_s: u64,
    },
    /// Somebody is signed in no more.
    SignedOut {
        /// At whose node.
        member: String,
        /// Who.
        user: String,
        /// Why.
        why: SignedOut,
    },
    /// A member's admission counts no more; it is in the group as before.
    AdmissionEnded {
        /// Who.
        member: String,
        /// Where.
        group: String,
    },
}

/// A statement that may be missing, as hexadecimal.
mod statement {
    use group::serial::hex;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => to.serialize_some(&hex::text(bytes)),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        let text: Option<String> = Option::deserialize(from)?;
        let wrong = || D::Error::custom("not hexadecimal");
        text.map(|text| hex::parse(&text).ok_or_else(wrong))
            .transpose()
    }
}
