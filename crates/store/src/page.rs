//! What a store holds, in pages, as it is carried to another: sealed as it is.

use control::service::StoreError;

/// Rows of a page.
pub(crate) const PAGE_ROWS: usize = 1_000;
/// The mark of a store that is being filled: nobody serves it.
pub(crate) const UNFINISHED: &str = "(unfinished)";

/// Rows of one table.
#[derive(Clone, Debug)]
pub(crate) enum Page {
    /// Numbers and texts.
    Records(Vec<(i64, String)>),
    /// Groups, numbers, sealed secrets.
    Epochs(Vec<(Vec<u8>, i64, Vec<u8>)>),
    /// Groups, sealed seeds.
    Roots(Vec<(Vec<u8>, Vec<u8>)>),
    /// Users, what their passwords are checked by, sealed.
    Users(Vec<(String, Vec<u8>)>),
}

impl Page {
    /// How many rows it has.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Records(rows) => rows.len(),
            Self::Epochs(rows) => rows.len(),
            Self::Roots(rows) => rows.len(),
            Self::Users(rows) => rows.len(),
        }
    }
}

/// Takes pages.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(Page) -> Result<(), StoreError>;

/// A store that can be carried to another.
pub(crate) trait Carried {
    /// How many rows there are.
    fn rows(&mut self) -> Result<u64, StoreError>;

    /// The last revision.
    fn last(&mut self) -> Result<u64, StoreError>;

    /// Everything as it is at one moment, whatever others write meanwhile; the last revision.
    fn read(&mut self, sink: Sink<'_>) -> Result<u64, StoreError>;

    /// Empties it and marks it as unfinished.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Adds a page.
    fn put(&mut self, page: &Page) -> Result<(), StoreError>;

    /// It may be served from now on.
    fn end(&mut self) -> Result<(), StoreError>;

    /// Marks it as moved to another place, if its last revision is this one: nobody serves it any
    /// more.
    fn leave(&mut self, rev: u64, to: &str) -> Result<(), StoreError>;
}
