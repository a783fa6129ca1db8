//! What executing a batch leaves for the circuit's witness, and its bytes on the way to a proving process.

pub use crate::{account::Account, outcome::Outcome};
use crate::{
    account::{BALANCE_BITS, address_of},
    batch::Role,
    field::{self, FieldError, Fr, WORD_BYTES},
    statement::Exit,
    transaction::{KIND_EXIT, WordZero},
};

/// Widest shape that a trace can have: slots in 1..=255, depth in 1..=24.
pub const MAX_SLOTS: usize = 255;
pub const MAX_DEPTH: usize = 24;

const MAGIC: &[u8; 8] = b"poetrace";
const VERSION: u8 = 2;
const INDEX_BITS: u32 = 48;

/// Levels of the tree's top that the circuit of a shape holds as an array, below `depth`.
///
/// The number that costs the fewest constraints over the batch's 2N + 1 accesses: each level held saves an access the
/// 583 of a step of its path, the array of 4^k entries costs it `2·(4^k − 1)`, and the batch `198·(4^k − 1)` for hashes.
pub fn top_levels(slots: usize, depth: usize) -> usize {
    let accesses = 2 * slots as i64 + 1;
    let cost = |levels: &usize| {
        let entries = (1 << (2 * levels)) - 1;
        entries * (198 + 2 * accesses) - accesses * 583 * *levels as i64
    };
    (0..depth.min(6)).min_by_key(cost).unwrap_or(0)
}

/// One account's place in the tree at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The account's index below 4^depth: the low `2·depth` bits of the field that names it.
    pub index: u64,
    pub account: Option<Account>,
    /// From the leaf's parent up: the parent's four children before this opening's update. The child that
    /// the path comes from, at digit `(index >> 2·level) & 3`, is among them.
    pub path: Vec<[Fr; 4]>,
}

/// One slot. Even a no-op, a deposit or an exit has both openings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotTrace {
    /// The four words, reduced modulo r.
    pub words: [Fr; 4],
    /// Account `from`, before the slot. A deposit does not touch it.
    pub sender: Opening,
    /// Account `to`, after the sender's debit and before the credit. An exit, forced or not, does not touch it.
    pub recipient: Opening,
    pub outcome: Outcome,
}

impl SlotTrace {
    /// The exit that the slot emitted. None too where the sender's exit address is no address, which no state allows.
    fn exit(&self, position: usize, role: Role) -> Option<Exit> {
        let WordZero { kind, amount, .. } = WordZero::unpack(&self.words[0]);
        let is_exit = role == Role::ForcedExit || (role == Role::User && kind == KIND_EXIT);
        let sender = self.sender.account.filter(|_| is_exit && self.outcome == Outcome::Applied)?;
        Some(Exit { slot: position, address: address_of(&sender.exit_address)?, amount })
    }
}

/// One batch's execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchTrace {
    pub depth: usize,
    /// Header word: slots below this position are deposits.
    pub deposits: u64,
    /// Header word: the slots after the deposits that are forced exits; no more than fit.
    pub forced: u64,
    /// Header word, below 2^48; may lie outside the tree.
    pub fee_account: u64,
    pub domain: Fr,
    pub old_root: Fr,
    pub new_root: Fr,
    /// Before the batch, the `4^top_levels` nodes that the circuit holds as an array.
    pub top: Vec<Fr>,
    /// One entry a slot of the shape.
    pub slots: Vec<SlotTrace>,
    /// Account `fee_account`, after all slots and before the fees' credit.
    pub fee: Opening,
    /// Fees that found no account, in gwei.
    pub burnt: u128,
}

/// Why bytes are not a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TraceError {
    #[error("trace ends early, at byte {at}")]
    Truncated { at: usize },
    #[error("trace has {extra} bytes too many")]
    Trailing { extra: usize },
    #[error("not a trace, or a trace of another version")]
    Unknown,
    #[error("{what} is out of range in the trace")]
    Range { what: &'static str },
    #[error("trace: {0}")]
    Field(#[from] FieldError),
}

impl BatchTrace {
    /// What the slot at a position is.
    pub fn role(&self, position: usize) -> Role {
        Role::at(position, self.deposits, self.forced)
    }

    /// The exits emitted, in slot order: of each applied exit the sender's exit address and the amount.
    pub fn exits(&self) -> Vec<Exit> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(position, slot)| slot.exit(position, self.role(position))).collect()
    }

    /// The canonical bytes: a fixed layout, everything big-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256 + self.slots.len() * (512 + self.depth * 256));
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        out.push(self.depth as u8);
        out.push(self.slots.len() as u8);
        for word in [self.deposits, self.forced, self.fee_account] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        write_elements(&mut out, &[self.domain, self.old_root, self.new_root]);
        write_elements(&mut out, &self.top);
        for slot in &self.slots {
            write_elements(&mut out, &slot.words);
            write_opening(&mut out, &slot.sender);
            write_opening(&mut out, &slot.recipient);
            out.push(slot.outcome.code());
        }
        write_opening(&mut out, &self.fee);
        out.extend_from_slice(&self.burnt.to_be_bytes());
        out
    }

    /// Reads what `to_bytes` writes and nothing else: each trace has one encoding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TraceError> {
        let mut reader = Reader::new(bytes);
        let trace = reader.batch()?;
        reader.finish()?;
        Ok(trace)
    }
}

fn write_elements(out: &mut Vec<u8>, elements: &[Fr]) {
    elements.iter().for_each(|element| out.extend_from_slice(&field::to_bytes(element)));
}

pub(crate) fn write_opening(out: &mut Vec<u8>, opening: &Opening) {
    out.extend_from_slice(&opening.index.to_be_bytes());
    out.push(u8::from(opening.account.is_some()));
    if let Some(account) = &opening.account {
        write_elements(out, &[account.public_key.0, account.public_key.1, account.exit_address]);
        out.extend_from_slice(&account.balance.to_be_bytes());
        out.extend_from_slice(&account.nonce.to_be_bytes());
    }
    opening.path.iter().for_each(|children| write_elements(out, children));
}

/// Reads big-endian values from a slice, never beyond it.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Refuses bytes that are left.
    pub(crate) fn finish(self) -> Result<(), TraceError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            extra => Err(TraceError::Trailing { extra }),
        }
    }

    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], TraceError> {
        let rest = &self.bytes[self.at..];
        let taken = rest.first_chunk::<N>().ok_or(TraceError::Truncated { at: self.bytes.len() })?;
        self.at += N;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, TraceError> {
        Ok(self.take::<1>()?[0])
    }

    fn below(&mut self, limit: u64, what: &'static str) -> Result<u64, TraceError> {
        let value = u64::from_be_bytes(self.take()?);
        if value < limit { Ok(value) } else { Err(TraceError::Range { what }) }
    }

    fn wide(&mut self, what: &'static str) -> Result<u128, TraceError> {
        let value = u128::from_be_bytes(self.take()?);
        if value >> BALANCE_BITS == 0 { Ok(value) } else { Err(TraceError::Range { what }) }
    }

    fn elements<const N: usize>(&mut self) -> Result<[Fr; N], TraceError> {
        let mut elements = [Fr::default(); N];
        for element in &mut elements {
            *element = field::from_bytes_strict(&self.take::<WORD_BYTES>()?)?;
        }
        Ok(elements)
    }

    pub(crate) fn size(&mut self, limit: usize, what: &'static str) -> Result<usize, TraceError> {
        let value = usize::from(self.byte()?);
        if (1..=limit).contains(&value) { Ok(value) } else { Err(TraceError::Range { what }) }
    }

    fn batch(&mut self) -> Result<BatchTrace, TraceError> {
        if self.take::<8>()? != *MAGIC || self.byte()? != VERSION {
            return Err(TraceError::Unknown);
        }
        let depth = self.size(MAX_DEPTH, "depth")?;
        let slots = self.size(MAX_SLOTS, "slots")?;
        let deposits = self.below(slots as u64 + 1, "deposits")?;
        let forced = self.below(slots as u64 - deposits + 1, "forced")?;
        let fee_account = self.below(1 << INDEX_BITS, "fee account")?;
        let [domain, old_root, new_root] = self.elements()?;
        let nodes = 1 << (2 * top_levels(slots, depth));
        let top = (0..nodes).map(|_| self.elements().map(|[node]| node)).collect::<Result<_, _>>()?;
        let slots = (0..slots).map(|_| self.slot(depth)).collect::<Result<_, _>>()?;
        let fee = self.opening(depth)?;
        let burnt = self.wide("burnt")?;
        Ok(BatchTrace {
            depth,
            deposits,
            forced,
            fee_account,
            domain,
            old_root,
            new_root,
            top,
            slots,
            fee,
            burnt,
        })
    }

    fn slot(&mut self, depth: usize) -> Result<SlotTrace, TraceError> {
        Ok(SlotTrace {
            words: self.elements()?,
            sender: self.opening(depth)?,
            recipient: self.opening(depth)?,
            outcome: Outcome::from_code(self.byte()?).ok_or(TraceError::Range { what: "outcome" })?,
        })
    }

    pub(crate) fn opening(&mut self, depth: usize) -> Result<Opening, TraceError> {
        let index = self.below(1 << (2 * depth), "index")?;
        let account = match self.byte()? {
            0 => None,
            1 => Some(self.account()?),
            _ => {
                return Err(TraceError::Range { what: "account flag" });
            }
        };
        let path = (0..depth).map(|_| self.elements()).collect::<Result<_, _>>()?;
        Ok(Opening { index, account, path })
    }

    fn account(&mut self) -> Result<Account, TraceError> {
        let [x, y, exit_address] = self.elements()?;
        let balance = self.wide("balance")?;
        let nonce = self.below(1 << 32, "nonce")?;
        address_of(&exit_address).ok_or(TraceError::Range { what: "exit address" })?;
        Ok(Account { public_key: (x, y), balance, nonce, exit_address })
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::Field;
    use rand_chacha::{
        ChaCha8Rng,
        rand_core::{Rng, SeedableRng},
    };

    use super::*;

    const DEPTH: usize = 2;
    /// Magic, version, depth, slots, three header words.
    const HEADER_BYTES: usize = 8 + 3 + 24;

    fn account() -> Account {
        let public_key = (Fr::from(11u64), -Fr::ONE);
        Account { public_key, balance: (1 << 96) - 1, nonce: 7, exit_address: Fr::from(13u64) }
    }

    fn opening(index: u64, account: Option<Account>) -> Opening {
        let level = |i: usize| std::array::from_fn(|j| Fr::from((4 * i + j) as u64 + index));
        Opening { index, account, path: (0..DEPTH).map(level).collect() }
    }

    fn trace() -> BatchTrace {
        let slot = |outcome| SlotTrace {
            words: [1u64, 2, 3, 4].map(Fr::from),
            sender: opening(3, None),
            recipient: opening(15, Some(account())),
            outcome,
        };
        BatchTrace {
            depth: DEPTH,
            deposits: 1,
            forced: 0,
            fee_account: (1 << 48) - 1,
            domain: Fr::from(21u64),
            old_root: Fr::from(22u64),
            new_root: Fr::from(23u64),
            top: [31u64, 32, 33, 34].map(Fr::from).to_vec(),
            slots: vec![slot(Outcome::Applied), slot(Outcome::BadSignature)],
            fee: opening(15, Some(account())),
            burnt: 99,
        }
    }

    #[test]
    fn bytes_give_the_trace_back() {
        assert_eq!(BatchTrace::from_bytes(&trace().to_bytes()), Ok(trace()));
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = trace().to_bytes();
        for length in 0..bytes.len() {
            let read = BatchTrace::from_bytes(&bytes[..length]);
            assert_eq!(read, Err(TraceError::Truncated { at: length }));
        }
    }

    #[test]
    fn bytes_after_the_end_are_refused() {
        let mut bytes = trace().to_bytes();
        bytes.extend([0; 3]);
        assert_eq!(BatchTrace::from_bytes(&bytes), Err(TraceError::Trailing { extra: 3 }));
    }

    #[test]
    fn other_magic_and_other_versions_are_unknown() {
        for at in [0, 7, 8] {
            let mut bytes = trace().to_bytes();
            bytes[at] ^= 1;
            assert_eq!(BatchTrace::from_bytes(&bytes), Err(TraceError::Unknown));
        }
    }

    #[test]
    fn sizes_and_header_words_out_of_range_are_refused() {
        let refused = |at: usize, value: u8, what: &'static str| {
            let mut bytes = trace().to_bytes();
            bytes[at] = value;
            assert_eq!(BatchTrace::from_bytes(&bytes), Err(TraceError::Range { what }));
        };
        refused(9, 0, "depth");
        refused(9, 25, "depth");
        refused(10, 0, "slots");
        refused(18, 3, "deposits");
        refused(26, 2, "forced");
        refused(28, 1, "fee account");
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let slot = HEADER_BYTES + (3 + 4) * 32;
        let (sender, outcome) = (slot + 4 * 32, slot + 4 * 32 + 2 * (9 + DEPTH * 128) + 120);
        let recipient = sender + 9 + DEPTH * 128;
        let refused = |at: usize, value: u8, what: &'static str| {
            let mut bytes = trace().to_bytes();
            bytes[at] = value;
            assert_eq!(BatchTrace::from_bytes(&bytes), Err(TraceError::Range { what }));
        };
        refused(sender + 7, 16, "index");
        refused(sender + 8, 2, "account flag");
        refused(recipient + 9 + 64 + 11, 1, "exit address");
        refused(recipient + 9 + 96 + 3, 1, "balance");
        refused(recipient + 9 + 96 + 16 + 3, 1, "nonce");
        refused(outcome, 12, "outcome");
    }

    #[test]
    fn elements_not_below_the_order_are_refused() {
        let mut bytes = trace().to_bytes();
        bytes[HEADER_BYTES] = 0xff;
        let refused = Err(TraceError::Field(FieldError::NotReduced));
        assert_eq!(BatchTrace::from_bytes(&bytes), refused);
    }

    #[test]
    fn damaged_and_random_bytes_are_an_error_or_another_traces_only_encoding() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let whole = trace().to_bytes();
        for round in 0..2000 {
            let mut bytes = whole.clone();
            let damage = 1 + rng.next_u32() as usize % 4;
            for _ in 0..damage {
                let at = rng.next_u32() as usize % bytes.len();
                bytes[at] = rng.next_u32() as u8;
            }
            bytes.truncate(if round % 4 == 0 { rng.next_u32() as usize % 600 } else { usize::MAX });
            if let Ok(read) = BatchTrace::from_bytes(&bytes) {
                assert_eq!(read.to_bytes(), bytes, "round {round}");
            }
        }
    }
}
