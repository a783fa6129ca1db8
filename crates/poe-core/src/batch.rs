//! A batch as posted: header and data (docs/protocol.md, section 3).

use crate::{
    field::{self, Fr, WORD_BYTES},
    keccak,
    trace::{MAX_DEPTH, MAX_SLOTS},
    transaction::INDEX_LIMIT,
};

pub const WORDS_PER_SLOT: usize = 4;
pub const SLOT_BYTES: usize = WORDS_PER_SLOT * WORD_BYTES;

/// 32 big-endian bytes, reduced or not.
pub type Word = [u8; WORD_BYTES];

/// The four header words, before checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    pub slots: usize,
    pub depth: usize,
    pub deposits: u64,
    pub forced: u64,
    pub fee_account: u64,
}

/// What a slot is, by its position alone (docs/protocol.md, section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Deposit,
    ForcedExit,
    /// A user's slot: what it asks for is in its data.
    User,
}

impl Role {
    /// The role at a position of a batch with these header words, which fit its shape.
    pub fn at(position: usize, deposits: u64, forced: u64) -> Self {
        match position as u64 {
            position if position < deposits => Self::Deposit,
            position if position < deposits + forced => Self::ForcedExit,
            _ => Self::User,
        }
    }
}

/// Why header and data are no batch; the contract would have refused them too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    #[error("shape {slots}x{depth} is outside 1..255 slots, depth 1..24")]
    Shape { slots: usize, depth: usize },
    #[error("{deposits} deposits do not fit {slots} slots")]
    Deposits { deposits: u64, slots: usize },
    #[error("{forced} forced exits do not fit the {free} slots behind the deposits")]
    Forced { forced: u64, free: u64 },
    #[error("fee account {fee_account} is not below 2^48")]
    FeeAccount { fee_account: u64 },
    #[error("batch data is {got} bytes, the shape needs {wanted}")]
    DataLength { got: usize, wanted: usize },
}

/// A checked header with data of its length.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    header: Header,
    data: &'a [u8],
}

impl Header {
    fn check(&self) -> Result<(), BatchError> {
        let &Self { slots, depth, deposits, forced, fee_account } = self;
        if !(1..=MAX_SLOTS).contains(&slots) || !(1..=MAX_DEPTH).contains(&depth) {
            return Err(BatchError::Shape { slots, depth });
        }
        if deposits > slots as u64 {
            return Err(BatchError::Deposits { deposits, slots });
        }
        let free = slots as u64 - deposits;
        if forced > free {
            return Err(BatchError::Forced { forced, free });
        }
        if fee_account >= INDEX_LIMIT {
            return Err(BatchError::FeeAccount { fee_account });
        }
        Ok(())
    }

    /// What the slot at a position is.
    pub fn role(&self, position: usize) -> Role {
        Role::at(position, self.deposits, self.forced)
    }

    /// `(shape, deposits, forced, feeAccount)` with `shape = N·256 + D`.
    pub fn words(&self) -> [Word; 4] {
        let shape = (self.slots * 256 + self.depth) as u64;
        [shape, self.deposits, self.forced, self.fee_account].map(word)
    }
}

impl<'a> Batch<'a> {
    pub fn new(header: Header, data: &'a [u8]) -> Result<Self, BatchError> {
        header.check()?;
        let wanted = header.slots * SLOT_BYTES;
        if data.len() != wanted {
            return Err(BatchError::DataLength { got: data.len(), wanted });
        }
        Ok(Self { header, data })
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The data words as posted.
    pub fn data_words(&self) -> impl Iterator<Item = &'a Word> {
        self.data.as_chunks::<WORD_BYTES>().0.iter()
    }

    /// Each slot's bytes as posted.
    pub fn data_slots(&self) -> impl Iterator<Item = &'a [u8; SLOT_BYTES]> {
        self.data.as_chunks::<SLOT_BYTES>().0.iter()
    }

    /// Each slot's four words, reduced.
    pub fn slots(&self) -> impl Iterator<Item = [Fr; WORDS_PER_SLOT]> {
        self.data.as_chunks::<SLOT_BYTES>().0.iter().map(|slot| {
            let (words, _) = slot.as_chunks::<WORD_BYTES>();
            std::array::from_fn(|i| field::from_word(&words[i]))
        })
    }

    /// `batchHash = keccak(header words ‖ data words)`.
    pub fn hash(&self) -> Word {
        let header = self.header.words();
        keccak::keccak256(header.iter().map(Word::as_slice).chain([self.data]))
    }
}

/// A number as a word.
pub fn word(value: u64) -> Word {
    let mut word = [0; WORD_BYTES];
    word[WORD_BYTES - 8..].copy_from_slice(&value.to_be_bytes());
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { slots: 2, depth: 3, deposits: 1, forced: 0, fee_account: 5 };

    #[test]
    fn header_words_are_in_statement_order() {
        let [shape, deposits, forced, fee_account] = HEADER.words();
        assert_eq!(shape, word(2 * 256 + 3));
        assert_eq!((deposits, forced, fee_account), (word(1), word(0), word(5)));
    }

    #[test]
    fn headers_that_the_contract_would_refuse_are_refused() {
        let data = [0; 2 * SLOT_BYTES];
        let refused = |header| Batch::new(header, &data).map(|_| ());
        let shape = |slots, depth| Err(BatchError::Shape { slots, depth });
        assert_eq!(refused(Header { slots: 0, ..HEADER }), shape(0, 3));
        assert_eq!(refused(Header { slots: 256, ..HEADER }), shape(256, 3));
        assert_eq!(refused(Header { depth: 0, ..HEADER }), shape(2, 0));
        assert_eq!(refused(Header { depth: 25, ..HEADER }), shape(2, 25));
        let deposits = Err(BatchError::Deposits { deposits: 3, slots: 2 });
        assert_eq!(refused(Header { deposits: 3, ..HEADER }), deposits);
        let forced = |forced, free| Err(BatchError::Forced { forced, free });
        assert_eq!(refused(Header { forced: 2, ..HEADER }), forced(2, 1));
        assert_eq!(refused(Header { deposits: 2, forced: 1, ..HEADER }), forced(1, 0));
        assert_eq!(refused(Header { forced: u64::MAX, ..HEADER }), forced(u64::MAX, 1));
        assert_eq!(refused(Header { forced: 1, ..HEADER }), Ok(()));
        let fee_account = 1 << 48;
        let wide = Err(BatchError::FeeAccount { fee_account });
        assert_eq!(refused(Header { fee_account, ..HEADER }), wide);
        assert_eq!(refused(Header { deposits: 2, fee_account: fee_account - 1, ..HEADER }), Ok(()));
    }

    #[test]
    fn positions_make_deposits_then_forced_exits_then_users_slots() {
        let roles = |deposits, forced| [0, 1, 2].map(|position| Role::at(position, deposits, forced));
        assert_eq!(roles(0, 0), [Role::User; 3]);
        assert_eq!(roles(1, 1), [Role::Deposit, Role::ForcedExit, Role::User]);
        assert_eq!(roles(0, 2), [Role::ForcedExit, Role::ForcedExit, Role::User]);
        assert_eq!(roles(3, 0), [Role::Deposit; 3]);
        assert_eq!(HEADER.role(0), Role::Deposit);
    }

    #[test]
    fn data_of_another_length_is_refused() {
        let length = |size: usize| Batch::new(HEADER, &vec![0; size]).map(|_| ());
        let wanted = 2 * SLOT_BYTES;
        assert_eq!(length(wanted), Ok(()));
        assert_eq!(length(wanted - 1), Err(BatchError::DataLength { got: wanted - 1, wanted }));
        assert_eq!(length(0), Err(BatchError::DataLength { got: 0, wanted }));
    }

    #[test]
    fn slots_are_reduced_and_data_words_are_not() {
        let data = [0xff; 2 * SLOT_BYTES];
        let batch = Batch::new(HEADER, &data).expect("well-formed");
        assert_eq!(batch.data_words().count(), 8);
        assert!(batch.data_words().all(|word| *word == [0xff; 32]));
        let slots: Vec<_> = batch.slots().collect();
        assert_eq!(slots, [[field::from_word(&[0xff; 32]); 4]; 2]);
    }

    #[test]
    fn the_hash_covers_header_and_unreduced_data() {
        let data = [0xff; 2 * SLOT_BYTES];
        let hash = |header, data| Batch::new(header, data).expect("well-formed").hash();
        let all: Vec<u8> = HEADER.words().concat().into_iter().chain(data).collect();
        assert_eq!(hash(HEADER, &data), keccak::keccak256([all.as_slice()]));
        assert_ne!(hash(HEADER, &data), hash(Header { deposits: 0, ..HEADER }, &data));
    }
}
