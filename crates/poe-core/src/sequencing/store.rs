//! What survives a crash: one file, one transaction a commit (redb: copy-on-write B-trees, checksummed, a commit is
//! whole or not there, so a torn tail is the commit before).
//!
//! | table | key | value |
//! |---|---|---|
//! | facts | name | what the file belongs to; the base: the last batch that can no longer be undone |
//! | accounts | index | the account as of the base |
//! | batches | number | every batch after the base, with its outcomes |
//! | waiting | group | slots of accepted transactions, some of which may be in batches already |
//!
//! A restart takes the accounts of the base, executes the batches after it without looking at signatures again, and
//! offers the pool what waits; what was sealed meanwhile is refused there by its nonce.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use redb::{Database, ReadableTable, ReadableTableMetadata, TableDefinition, TableError};

use super::{
    record::{self, Damaged, Reader, Sealed, Slot},
    seal::Base,
};
use crate::{account::Account, batch::SLOT_BYTES};

const FACTS: TableDefinition<&str, &[u8]> = TableDefinition::new("facts");
const ACCOUNTS: TableDefinition<u64, &[u8]> = TableDefinition::new("accounts");
const BATCHES: TableDefinition<u64, &[u8]> = TableDefinition::new("batches");
const WAITING: TableDefinition<u64, &[u8]> = TableDefinition::new("waiting");
const IDENTITY: &str = "identity";
const BASE: &str = "base";
/// Changes with every layout of what is stored.
const FORMAT: &[u8] = b"poe sequencer 1";
const CACHE_BYTES: usize = 64 << 20;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store cannot be read or written: {0}")]
    Io(String),
    #[error("the store belongs to another chain, arbiter, circuit or version")]
    Foreign,
    #[error("the store is damaged: {0}")]
    Damaged(#[from] Damaged),
    #[error("an earlier write failed: the node has to be started again")]
    Failed,
}

macro_rules! io_errors {
    ($($kind:ty),*) => {
        $(impl From<$kind> for StoreError {
            fn from(error: $kind) -> Self {
                Self::Io(error.to_string())
            }
        })*
    };
}

io_errors!(
    redb::DatabaseError,
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError
);

/// Everything that happened since the last commit, in order where order matters.
#[derive(Debug, Default)]
pub struct Changes {
    /// Batches after this one are undone, ahead of all that follows.
    pub truncated_to: Option<u64>,
    pub sealed: Vec<(u64, Vec<u8>)>,
    pub accepted: Vec<(u64, Vec<u8>)>,
    pub emptied: Vec<u64>,
    /// A new base and the accounts that differ from the old one's.
    pub base: Option<Base>,
    pub accounts: BTreeMap<u64, Account>,
}

impl Changes {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.truncated_to.is_none()
            && self.sealed.is_empty()
            && self.accepted.is_empty()
            && self.emptied.is_empty()
            && self.base.is_none()
    }
}

/// What a file held when it was opened.
#[derive(Debug, Default)]
pub struct Contents {
    pub base: Base,
    pub accounts: Vec<(u64, Account)>,
    pub batches: Vec<Sealed>,
    pub waiting: Vec<(u64, Vec<Slot>)>,
}

/// The open file; only one process can have it open.
pub struct Store {
    database: Database,
    /// Bytes of all values written since it was opened.
    pub written_bytes: u64,
}

impl Store {
    /// Opens or makes the file; `identity` says whose state it holds, `genesis` what a new one starts from.
    pub fn open(
        path: &Path,
        identity: &[u8],
        genesis: impl IntoIterator<Item = (u64, Account)>,
    ) -> Result<(Self, Contents), StoreError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        // redb asserts where a file is none of its own or cut short.
        let opened = catch_unwind(AssertUnwindSafe(|| builder.create(path)));
        let database = opened.map_err(|_| Damaged("the file"))??;
        let mut store = Self { database, written_bytes: 0 };
        let identity = [FORMAT, identity].concat();
        match store.identity()? {
            None => store.create(&identity, genesis)?,
            Some(found) if found == identity => {}
            Some(_) => return Err(StoreError::Foreign),
        }
        let contents = store.read()?;
        Ok((store, contents))
    }

    fn identity(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let reading = self.database.begin_read()?;
        match reading.open_table(FACTS) {
            Ok(facts) => Ok(facts.get(IDENTITY)?.map(|value| value.value().to_vec())),
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn create(
        &mut self,
        identity: &[u8],
        genesis: impl IntoIterator<Item = (u64, Account)>,
    ) -> Result<(), StoreError> {
        let writing = self.database.begin_write()?;
        {
            let mut facts = writing.open_table(FACTS)?;
            facts.insert(IDENTITY, identity)?;
            facts.insert(BASE, base_to_bytes(&Base::default()).as_slice())?;
            writing.open_table(BATCHES)?;
            writing.open_table(WAITING)?;
            let mut accounts = writing.open_table(ACCOUNTS)?;
            for (index, account) in genesis {
                accounts.insert(index, record::account_to_bytes(&account).as_slice())?;
            }
        }
        Ok(writing.commit()?)
    }

    fn read(&self) -> Result<Contents, StoreError> {
        let reading = self.database.begin_read()?;
        let facts = reading.open_table(FACTS)?;
        let base = facts.get(BASE)?.ok_or(Damaged("the base"))?;
        let mut contents = Contents { base: base_from_bytes(base.value())?, ..Contents::default() };
        let accounts = reading.open_table(ACCOUNTS)?;
        contents.accounts.reserve(accounts.len()? as usize);
        for row in accounts.iter()? {
            let (index, bytes) = row?;
            contents.accounts.push((index.value(), record::account_from_bytes(bytes.value())?));
        }
        for row in reading.open_table(BATCHES)?.iter()? {
            contents.batches.push(Sealed::from_bytes(row?.1.value())?);
        }
        for row in reading.open_table(WAITING)?.iter()? {
            let (group, bytes) = row?;
            let (slots, rest) = bytes.value().as_chunks::<SLOT_BYTES>();
            if !rest.is_empty() {
                return Err(Damaged("a group of waiting transactions").into());
            }
            contents.waiting.push((group.value(), slots.to_vec()));
        }
        Ok(contents)
    }

    /// Makes the changes durable: all of them or, on an error or a crash, none.
    pub fn commit(&mut self, changes: &Changes) -> Result<(), StoreError> {
        let writing = self.database.begin_write()?;
        {
            let mut batches = writing.open_table(BATCHES)?;
            if let Some(number) = changes.truncated_to {
                batches.retain_in(number + 1.., |_, _| false)?;
            }
            for (number, bytes) in &changes.sealed {
                batches.insert(number, bytes.as_slice())?;
            }
            let mut waiting = writing.open_table(WAITING)?;
            for (group, slots) in &changes.accepted {
                waiting.insert(group, slots.as_slice())?;
            }
            for group in &changes.emptied {
                waiting.remove(group)?;
            }
            if let Some(base) = &changes.base {
                batches.retain_in(..=base.number, |_, _| false)?;
                writing.open_table(FACTS)?.insert(BASE, base_to_bytes(base).as_slice())?;
                let mut accounts = writing.open_table(ACCOUNTS)?;
                for (index, account) in &changes.accounts {
                    accounts.insert(index, record::account_to_bytes(account).as_slice())?;
                }
            }
        }
        writing.commit()?;
        let values = changes.sealed.iter().chain(&changes.accepted).map(|(_, bytes)| bytes.len());
        self.written_bytes += (values.sum::<usize>() + changes.accounts.len() * record::ACCOUNT_BYTES) as u64;
        Ok(())
    }
}

fn base_to_bytes(base: &Base) -> Vec<u8> {
    let mut out = base.number.to_be_bytes().to_vec();
    out.extend(base.hash);
    out.extend(base.queue_end.to_be_bytes());
    out.extend(base.transactions.to_be_bytes());
    out
}

fn base_from_bytes(bytes: &[u8]) -> Result<Base, Damaged> {
    let mut rest = Reader(bytes);
    let (number, hash, queue_end, transactions) = (rest.u64()?, rest.word()?, rest.u64()?, rest.u64()?);
    if rest.0.is_empty() {
        Ok(Base { number, hash, queue_end, transactions })
    } else {
        Err(Damaged("the base"))
    }
}
