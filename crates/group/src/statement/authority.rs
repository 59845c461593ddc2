//! Which servers manage a group (docs/protocol/group.md, section 1).
//!
//! Places with one key are *instances* of one server: they share a database, and write one chain,
//! which has the index of the first of these places.

use identity::crypto::Crypto;
use wire::{Malformed, NodeAddr, Reader, Writer};

use super::{GroupId, Signer, VERSION, read_version, signed_bytes, verify};

const NAME: &str = "kumihimo group authority v1";
/// Most servers of a group.
pub const SERVERS_MAX: usize = 8;

/// A management server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Server {
    /// The key that signs its statements (Ed25519).
    pub key: [u8; 32],
    /// Where it is reached.
    pub f: NodeAddr,
}

/// The root key's statement about the servers of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The group.
    pub group: GroupId,
    /// The highest counts.
    pub serial: u32,
    /// When it was issued, Unix seconds.
    pub issued_unix_s: u64,
    /// The servers by index, 1 to [`SERVERS_MAX`] places; `None`: nobody is there any more.
    pub servers: Vec<Option<Server>>,
    /// By the group's root key.
    pub signature: [u8; 64],
}

impl Authority {
    /// Issues a statement.
    #[must_use]
    pub fn issue(
        by: &Signer<'_>,
        group: GroupId,
        serial: u32,
        issued_unix_s: u64,
        servers: Vec<Option<Server>>,
    ) -> Self {
        let mut statement = Self {
            group,
            serial,
            issued_unix_s,
            servers,
            signature: [0; 64],
        };
        statement.signature = by.sign(NAME, &statement.unsigned());
        statement
    }

    /// Reads a statement; the signature is not checked. Errors: another version, no server, or too
    /// many.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, "group authority");
        read_version(&mut reader)?;
        let group = GroupId(*reader.array()?);
        let serial = reader.u32()?;
        let issued_unix_s = reader.u64()?;
        let count = usize::from(reader.u8()?);
        if !(1..=SERVERS_MAX).contains(&count) {
            return Err(reader.malformed());
        }
        let mut servers = Vec::with_capacity(count);
        for _ in 0..count {
            let server = Server {
                key: *reader.array()?,
                f: NodeAddr(*reader.array()?),
            };
            servers.push((server != NOBODY).then_some(server));
        }
        let signature = *reader.array()?;
        reader.finish()?;
        Ok(Self {
            group,
            serial,
            issued_unix_s,
            servers,
            signature,
        })
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        signed_bytes(self.unsigned(), &self.signature)
    }

    /// Whether the group's root key signed it.
    #[must_use]
    pub fn is_signed_by(&self, crypto: &dyn Crypto, root_key: &[u8; 32]) -> bool {
        verify(crypto, root_key, NAME, &self.unsigned(), &self.signature)
    }

    /// The server at an index.
    #[must_use]
    pub fn server(&self, index: u8) -> Option<&Server> {
        self.servers.get(usize::from(index))?.as_ref()
    }

    /// The index of the chain of the server that is reached at F: that of the first place with its
    /// key.
    #[must_use]
    pub fn index_of(&self, f: NodeAddr) -> Option<u8> {
        let mut named = self.servers.iter().flatten();
        let key = named.find(|server| server.f == f)?.key;
        let of_key = |there: &Option<Server>| there.is_some_and(|it| it.key == key);
        u8::try_from(self.servers.iter().position(of_key)?).ok()
    }

    /// Whether servers with different keys are named.
    #[must_use]
    pub fn has_several(&self) -> bool {
        let mut keys = self.servers.iter().flatten().map(|server| server.key);
        let first = keys.next();
        keys.any(|key| Some(key) != first)
    }

    /// Where the server at an index is reached: its instances.
    pub fn instances(&self, index: u8) -> impl Iterator<Item = NodeAddr> {
        let key = self.server(index).map(|server| server.key);
        let named = self.servers.iter().flatten();
        let of_key = named.filter(move |server| Some(server.key) == key);
        of_key.map(|server| server.f)
    }

    fn unsigned(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(30 + 48 * self.servers.len() + 64);
        writer
            .u8(VERSION)
            .bytes(&self.group.0)
            .u32(self.serial)
            .u64(self.issued_unix_s)
            .u8(u8::try_from(self.servers.len()).unwrap_or(u8::MAX));
        for server in &self.servers {
            let server = server.unwrap_or(NOBODY);
            writer.bytes(&server.key).bytes(server.f.as_bytes());
        }
        writer.finish()
    }
}

const NOBODY: Server = Server {
    key: [0; 32],
    f: NodeAddr([0; 16]),
};
