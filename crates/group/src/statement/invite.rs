//! What k admins of a locked group allow an invite to do (docs/protocol/group.md, section 2): its key, whose
//! private half is in the line, may sign admissions within these bounds, so that the admins need not be there
//! when a node comes. A server has neither half of anything here, and can only delay.
//!
//! Who has the line decides which node comes, and when the admission says that it was issued: the bounds
//! are all that stands between a line that was copied and the group.

use identity::crypto::Crypto;
use wire::{Malformed, NodeAddr, Prefix, Reader, Unencodable, Writer};

use super::attributes::{ATTRIBUTES_LEN_MAX, Attributes, are_known};
use super::signatures::{add, is_admins, k_signed, read_signatures, write_signatures};
use super::{Genesis, GroupId, Membership, Signer, VERSION, read_version};
use crate::element::{Kind, Mode};

const NAME: &str = "kumihimo group invite v1";
/// Every kind.
pub const KINDS_ALL: u8 = 0b111;
/// Clocks may differ by so much, in seconds.
const TOLERANCE_S: u64 = 600;

/// Whom an invite may admit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// From when, Unix seconds.
    pub from_unix_s: u64,
    /// Until when, Unix seconds.
    pub until_unix_s: u64,
    /// In this mode; `None`: in either.
    pub mode: Option<Mode>,
    /// Which kinds: bit 0 GES, 1 GEN, 2 GEA; at least one.
    pub kinds: u8,
    /// One node alone: members who see a second one by the same key refuse it.
    pub once: bool,
    /// By this name, if there is one; with nothing behind it that these prefixes do not cover; for exactly these
    /// ordinary addresses; with none but these roles.
    pub attributes: Attributes,
}

/// The statement that the key of an invite may admit nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteCertificate {
    /// To which group.
    pub group: GroupId,
    /// The invite's public key (Ed25519).
    pub key: [u8; 32],
    bounds: Bounds,
    /// The attributes as they were signed.
    attributes: Vec<u8>,
    signatures: Vec<(u8, [u8; 64])>,
}

/// What an admission says, as far as an invite bounds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said<'a> {
    pub(super) group: GroupId,
    pub(super) issued_unix_s: u64,
    pub(super) mode: Mode,
    pub(super) kind: Kind,
    /// As they were signed.
    pub(super) attributes: &'a [u8],
}

/// What a node that comes by an invite would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Who, and a serial that no other admission of the group has.
    pub member: Membership,
    /// The time, Unix seconds.
    pub now_unix_s: u64,
    /// What it is.
    pub kind: Kind,
    /// What it would be called, if the invite does not say.
    pub name: String,
    /// What lies behind it; nothing: all that the invite allows.
    pub prefixes: Vec<Prefix>,
}

impl InviteCertificate {
    /// A certificate that nobody has signed yet.
    ///
    /// # Errors
    /// The attributes are longer than they may be, or the name is none.
    pub fn new(group: GroupId, key: [u8; 32], bounds: Bounds) -> Result<Self, Unencodable> {
        let attributes = bounds.attributes.encode()?;
        let is_none = bounds.kinds & KINDS_ALL == 0 || bounds.kinds & !KINDS_ALL != 0;
        if is_none || bounds.until_unix_s < bounds.from_unix_s {
            return Err(Unencodable { what: "invite" });
        }
        Ok(Self {
            group,
            key,
            bounds,
            attributes,
            signatures: Vec::new(),
        })
    }

    /// Whom it may admit.
    #[must_use]
    pub const fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Reads a certificate; the signatures are not checked. Errors: another version, attributes or
    /// signatures that are too many or do not ascend.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "group invite");
        read_version(&mut reader)?;
        let group = GroupId(*reader.array()?);
        let key = *reader.array()?;
        let (from_unix_s, until_unix_s) = (reader.u64()?, reader.u64()?);
        let mode = match reader.u8()? {
            0 => Some(Mode::Open),
            1 => Some(Mode::Closed),
            2 => None,
            _ => return Err(reader.malformed()),
        };
        let kinds = reader.u8()?;
        let once = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(reader.malformed()),
        };
        let len = usize::from(reader.u16()?);
        if len > ATTRIBUTES_LEN_MAX {
            return Err(reader.malformed());
        }
        let attributes = reader.take(len)?.to_vec();
        let count = reader.u8()?;
        let signatures = read_signatures(&mut reader, count)?;
        let is_none = kinds & KINDS_ALL == 0 || kinds & !KINDS_ALL != 0;
        // An attribute that is not known here would be a bound that is not kept here.
        if is_none || until_unix_s < from_unix_s || !are_known(&attributes) {
            return Err(reader.malformed());
        }
        reader.finish()?;
        let bounds = Bounds {
            from_unix_s,
            until_unix_s,
            mode,
            kinds,
            once,
            attributes: Attributes::decode(&attributes)?,
        };
        Ok(Self {
            group,
            key,
            bounds,
            attributes,
            signatures,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        write_signatures(&mut bytes, &self.signatures);
        bytes
    }

    /// Its bytes as they are before anybody signs.
    #[must_use]
    pub fn encode_unsigned(&self) -> Vec<u8> {
        let mut bytes = self.unsigned();
        write_signatures(&mut bytes, &[]);
        bytes
    }

    /// Adds an admin's signature, or replaces the one at this index.
    pub fn sign(&mut self, by: &Signer<'_>, index: u8) {
        let signature = by.sign(NAME, &self.unsigned());
        add(&mut self.signatures, index, signature);
    }

    /// Takes a signature that an admin made elsewhere; whether it is one.
    pub fn accept(
        &mut self,
        crypto: &dyn Crypto,
        genesis: &Genesis,
        index: u8,
        signature: [u8; 64],
    ) -> bool {
        let text = (NAME, &self.unsigned()[..]);
        let is_right = is_admins(crypto, genesis, text, (index, &signature));
        if is_right {
            add(&mut self.signatures, index, signature);
        }
        is_right
    }

    /// The admins whose signatures it has, by index.
    pub fn signers(&self) -> impl Iterator<Item = u8> {
        self.signatures.iter().map(|(index, _)| *index)
    }

    /// What its signatures cover, behind their name.
    #[must_use]
    pub fn signed_text(&self) -> Vec<u8> {
        super::text(NAME, &self.unsigned())
    }

    /// Whether k admins of the group have signed it.
    #[must_use]
    pub fn holds(&self, crypto: &dyn Crypto, genesis: &Genesis) -> bool {
        self.group == genesis.id(crypto)
            && k_signed(crypto, genesis, (NAME, &self.unsigned()), &self.signatures)
    }

    /// Whether what an admission says is within the bounds; who signed either is not looked at.
    #[must_use]
    pub(super) fn allows(&self, said: &Said<'_>) -> bool {
        let Ok(attributes) = Attributes::decode(said.attributes) else {
            return false;
        };
        let bounds = &self.bounds;
        let allowed = &bounds.attributes;
        let at = said.issued_unix_s;
        let is_now = at >= bounds.from_unix_s.saturating_sub(TOLERANCE_S)
            && at <= bounds.until_unix_s.saturating_add(TOLERANCE_S);
        let is_name = allowed.name.is_none() || allowed.name == attributes.name;
        let covers = |prefix: &Prefix| allowed.prefixes.iter().any(|it| it.covers(*prefix));
        self.group == said.group
            && are_known(said.attributes)
            && is_now
            && bounds.mode.is_none_or(|mode| mode == said.mode)
            && bounds.kinds & (1 << said.kind.byte()) != 0
            && is_name
            && attributes.prefixes.iter().all(covers)
            && attributes.site == allowed.site
            && attributes.roles.iter().all(|it| allowed.roles.contains(it))
    }

    /// What a node would be by it, as far as the bounds say so.
    pub(super) fn fit(&self, wanted: &Wanted) -> ((Kind, Mode), Attributes) {
        let allowed = &self.bounds.attributes;
        let (kind, prefixes) = match (&wanted.prefixes[..], &allowed.prefixes[..]) {
            ([], []) => (wanted.kind, Vec::new()),
            ([], all) => (self.kind_for(all), all.to_vec()),
            (said, _) => (wanted.kind, said.to_vec()),
        };
        let attributes = Attributes {
            name: Some(allowed.name.clone().unwrap_or_else(|| wanted.name.clone())),
            prefixes,
            site: allowed.site.clone(),
            roles: allowed.roles.clone(),
        };
        let mode = self.bounds.mode.unwrap_or_else(|| kind.usual_mode());
        ((kind, mode), attributes)
    }

    /// What a node with these behind it is: single servers, or networks.
    fn kind_for(&self, prefixes: &[Prefix]) -> Kind {
        let usual = match prefixes.iter().all(|it| it.is_host()) {
            true => Kind::Gea,
            false => Kind::Gen,
        };
        let is_allowed = |kind: &Kind| self.bounds.kinds & (1 << kind.byte()) != 0;
        let mut all = [usual, Kind::Gen, Kind::Gea, Kind::Ges].into_iter();
        all.find(is_allowed).unwrap_or(usual)
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(71 + self.attributes.len() + 66);
        writer
            .u8(VERSION)
            .bytes(&self.group.0)
            .bytes(&self.key)
            .u64(self.bounds.from_unix_s)
            .u64(self.bounds.until_unix_s)
            .u8(self.bounds.mode.map_or(2, Mode::byte))
            .u8(self.bounds.kinds)
            .u8(u8::from(self.bounds.once))
            .u16(u16::try_from(self.attributes.len()).unwrap_or(u16::MAX))
            .bytes(&self.attributes);
        writer.finish()
    }
}

impl Wanted {
    /// A node with nothing behind it.
    #[must_use]
    pub fn plain(f: NodeAddr, serial: u64, now_unix_s: u64, name: &str) -> Self {
        Self {
            member: Membership { f, serial },
            now_unix_s,
            kind: Kind::Ges,
            name: name.to_owned(),
            prefixes: Vec::new(),
        }
    }
}
