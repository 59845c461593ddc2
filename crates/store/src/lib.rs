//! Where a management server writes down what happened.
//!
//! What it does: [`Sqlite`] is a [`control::service::Store`] in one file, [`Postgres`] one that
//! several instances of a server share. Everything that an order does is one transaction: the
//! records of the audit trail, the secrets of epochs, the root keys of groups and what users'
//! passwords are checked by, all but the first sealed ([`Seal`]).
//!
//! What it does not: decide anything, or know what a record means.
//!
//! | file, in the state directory | what |
//! |---|---|
//! | [`FILE`], and beside it what SQLite needs while it runs | records, sealed secrets |
//! | [`KEY_FILE`] | the key that seals, and from which the server's own key follows |
//! | [`PLACE_FILE`] | where the records are, if they are not in [`FILE`] here |
//!
//! A backup is records and key; the first without the second are of no use to anybody.
#![forbid(unsafe_code)]

mod carrying;
mod database;
mod error;
mod label;
mod page;
mod place;
mod postgres;
mod seal;
mod sqlite;
mod url;

pub use carrying::BackupError;
pub use database::{Database, Opening};
pub use error::OpenError;
pub use place::{PLACE_FILE, Place};
pub use postgres::Postgres;
pub use seal::{KEY_FILE, KEY_LEN, MasterKey, Seal};
pub use sqlite::{FILE, Sqlite};
pub use url::{DatabaseUrl, URL_LEN_MAX, UrlError};
