//! Slots and sealed batches, and their bytes on disk: fixed layouts, big-endian, decoded strictly.

use std::{collections::BTreeMap, sync::LazyLock};

use ark_ff::{BigInteger, PrimeField};

use crate::{
    account::{Account, address_of},
    batch::{Batch, BatchError, Header, SLOT_BYTES, Word},
    field::{self, Fr},
    outcome::Outcome,
    statement::Exit,
    transaction::{KIND_EXIT, KIND_TRANSFER, WordZero},
};

/// 128 bytes of a transaction or a queue entry.
pub type Slot = [u8; SLOT_BYTES];

/// Bytes of an account on disk.
pub const ACCOUNT_BYTES: usize = 3 * 32 + 16 + 8;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is damaged")]
pub struct Damaged(pub &'static str);

/// A transfer or exit in its only encoding, its signature not yet looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transaction {
    pub slot: Slot,
    pub fields: WordZero,
}

impl Transaction {
    /// Strict: every word below r, S below the subgroup's order, kind, reserved bits and an exit's `to` as they must be.
    pub fn decode(slot: &Slot) -> Option<Self> {
        let [first, _, _, s] = Self::elements(slot)?;
        let fields = WordZero::unpack(&first);
        let is_exit = fields.kind == KIND_EXIT && fields.to == 0;
        let is_right = (fields.kind == KIND_TRANSFER || is_exit) && fields.reserved == 0;
        (is_right && crate::babyjubjub::is_below_subgroup_order(&s)).then_some(Self { slot: *slot, fields })
    }

    fn elements(slot: &Slot) -> Option<[Fr; 4]> {
        let (words, _) = slot.as_chunks::<32>();
        let is_reduced = words.iter().all(|word| *word < *MODULUS);
        is_reduced.then(|| std::array::from_fn(|i| field::from_word(&words[i])))
    }

    /// The four words.
    pub fn words(&self) -> [Fr; 4] {
        let (words, _) = self.slot.as_chunks::<32>();
        std::array::from_fn(|i| field::from_word(&words[i]))
    }

    /// What its sender pays.
    pub fn cost(&self) -> u128 {
        u128::from(self.fields.amount) + u128::from(self.fields.fee)
    }
}

/// r, big-endian.
static MODULUS: LazyLock<Word> = LazyLock::new(|| {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&Fr::MODULUS.to_bytes_be());
    bytes
});

/// The L1 queue's part of a batch: entries laid out as its first slots, and the queue's index after them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Queue {
    pub deposits: u64,
    pub forced: u64,
    /// Deposits, forced exits, forced transactions.
    pub slots: Vec<Slot>,
    pub end: u64,
}

/// A batch as executed; it drains the queue entries `[queue_start, queue_end)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    pub number: u64,
    pub parent_hash: Word,
    pub hash: Word,
    pub header: Header,
    pub data: Vec<u8>,
    pub outcomes: Vec<Outcome>,
    /// The exits emitted, in slot order. Not on disk.
    pub exits: Vec<Exit>,
    pub fees: u128,
    pub burnt: u128,
    pub queue_start: u64,
    pub queue_end: u64,
    /// The state root after it, if it is the last of its round.
    pub root: Option<Fr>,
    /// The accounts it wrote, as it left them. Not on disk.
    pub written: BTreeMap<u64, Account>,
}

const BATCH_HEAD_BYTES: usize = 8 + 32 + 8 + 3 * 8 + 2 * 16 + 2 * 8 + 33;

impl Sealed {
    /// Slots that the queue brought.
    pub fn drained(&self) -> usize {
        (self.queue_end - self.queue_start) as usize
    }

    /// A slot of the data.
    pub fn slot(&self, position: usize) -> &Slot {
        &self.data.as_chunks::<SLOT_BYTES>().0[position]
    }

    /// The applied transactions from a position on, in order.
    pub fn applied_from(&self, first: usize) -> impl Iterator<Item = &Slot> {
        let applied = |position: &usize| self.outcomes[*position] == Outcome::Applied;
        (first..self.outcomes.len()).filter(applied).map(|position| self.slot(position))
    }

    /// Its bytes on disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Header { slots, depth, deposits, forced, fee_account } = self.header;
        let mut out = Vec::with_capacity(BATCH_HEAD_BYTES + self.data.len() + self.outcomes.len());
        out.extend(self.number.to_be_bytes());
        out.extend(self.parent_hash);
        out.extend((slots as u32).to_be_bytes());
        out.extend((depth as u32).to_be_bytes());
        [deposits, forced, fee_account].iter().for_each(|word| out.extend(word.to_be_bytes()));
        [self.fees, self.burnt].iter().for_each(|word| out.extend(word.to_be_bytes()));
        [self.queue_start, self.queue_end].iter().for_each(|word| out.extend(word.to_be_bytes()));
        out.push(u8::from(self.root.is_some()));
        out.extend(self.root.as_ref().map_or([0; 32], field::to_bytes));
        out.extend(self.outcomes.iter().map(|outcome| outcome.code()));
        out.extend(&self.data);
        out
    }

    /// The batch that bytes spell; the hash is computed anew.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Damaged> {
        let damaged = Damaged("a sealed batch");
        let mut rest = Reader(bytes);
        let (number, parent_hash) = (rest.u64()?, rest.word()?);
        let (slots, depth) = (rest.u32()? as usize, rest.u32()? as usize);
        let header =
            Header { slots, depth, deposits: rest.u64()?, forced: rest.u64()?, fee_account: rest.u64()? };
        let (fees, burnt) = (rest.u128()?, rest.u128()?);
        let (queue_start, queue_end) = (rest.u64()?, rest.u64()?);
        let (has_root, root) = (rest.take::<1>()?[0], rest.word()?);
        let root = match has_root {
            0 => None,
            1 => Some(field::from_bytes_strict(&root).map_err(|_| damaged.clone())?),
            _ => return Err(damaged),
        };
        let (codes, data) = rest.0.split_at_checked(slots).ok_or(damaged.clone())?;
        let outcomes = codes.iter().map(|&code| Outcome::from_code(code)).collect::<Option<Vec<_>>>();
        let outcomes = outcomes.ok_or(damaged.clone())?;
        let hash = Batch::new(header, data).map_err(|_: BatchError| damaged.clone())?.hash();
        let is_queue = queue_end.checked_sub(queue_start).is_some_and(|drained| drained <= slots as u64);
        let written = BTreeMap::new();
        let data = data.to_vec();
        let sealed = Self {
            number,
            parent_hash,
            hash,
            header,
            data,
            outcomes,
            exits: Vec::new(),
            fees,
            burnt,
            queue_start,
            queue_end,
            root,
            written,
        };
        if is_queue { Ok(sealed) } else { Err(damaged) }
    }
}

/// An account's bytes on disk.
pub fn account_to_bytes(account: &Account) -> [u8; ACCOUNT_BYTES] {
    let mut out = [0; ACCOUNT_BYTES];
    let (x, y) = &account.public_key;
    for (place, element) in out.chunks_exact_mut(32).zip([x, y, &account.exit_address]) {
        place.copy_from_slice(&field::to_bytes(element));
    }
    out[96..112].copy_from_slice(&account.balance.to_be_bytes());
    out[112..].copy_from_slice(&account.nonce.to_be_bytes());
    out
}

/// The account that bytes spell.
pub fn account_from_bytes(bytes: &[u8]) -> Result<Account, Damaged> {
    let damaged = Damaged("an account");
    let mut rest = Reader(bytes);
    let mut element = || field::from_bytes_strict(&rest.word()?).map_err(|_| damaged.clone());
    let (x, y, exit_address) = (element()?, element()?, element()?);
    let account = Account { public_key: (x, y), balance: rest.u128()?, nonce: rest.u64()?, exit_address };
    let is_whole = rest.0.is_empty() && account.is_in_range() && address_of(&exit_address).is_some();
    if is_whole { Ok(account) } else { Err(damaged) }
}

/// Takes fixed parts off the front of bytes.
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    pub fn take<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (first, rest) = self.0.split_first_chunk().ok_or(Damaged("a record"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub fn word(&mut self) -> Result<Word, Damaged> {
        self.take()
    }

    pub fn u32(&mut self) -> Result<u32, Damaged> {
        Ok(u32::from_be_bytes(self.take()?))
    }

    pub fn u64(&mut self) -> Result<u64, Damaged> {
        Ok(u64::from_be_bytes(self.take()?))
    }

    pub fn u128(&mut self) -> Result<u128, Damaged> {
        Ok(u128::from_be_bytes(self.take()?))
    }
}
