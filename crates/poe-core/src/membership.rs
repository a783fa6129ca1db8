//! One account of a state and the path that shows it there: what a membership proof's witness takes, and its bytes on
//! the way to a prover (docs/protocol.md, section 9).

use crate::{
    account::Account,
    field::Fr,
    merkle,
    state::State,
    trace::{MAX_DEPTH, Opening, Reader, TraceError, write_opening},
};

const MAGIC: &[u8; 8] = b"poemembr";
const VERSION: u8 = 1;

/// An account in a tree of depth `path.len()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// Below 4^depth.
    pub index: u64,
    pub account: Account,
    /// From the leaf's parent up: the four children. The one that the path comes from is among them.
    pub path: Vec<[Fr; 4]>,
}

/// Why bytes are no membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    #[error("not a membership, or one of another version")]
    Unknown,
    #[error("membership: {0}")]
    Encoding(#[from] TraceError),
    #[error("membership: the account does not exist")]
    Missing,
    #[error("membership: the path does not lead from the account to a root")]
    Path,
}

impl Membership {
    /// The account at an index of the present state, if it exists.
    pub fn of(state: &mut State, index: u64) -> Option<Self> {
        // An opening takes the low bits of any index: outside the tree they would name another account.
        let Opening { index, account, path } = (index < state.capacity()).then(|| state.open(index))?;
        Some(Self { index, account: account?, path })
    }

    pub fn depth(&self) -> usize {
        self.path.len()
    }

    /// The root that account and path lead to; `None` if they do not hold together.
    pub fn root(&self) -> Option<Fr> {
        merkle::root_of(self.index, self.account.leaf(), &self.path)
    }

    /// `root, index · 2^160 + exit address, balance` under a root.
    pub fn public_inputs(&self, root: Fr) -> [Fr; 3] {
        let Account { balance, exit_address, .. } = self.account;
        // 2^160 = (2^80)².
        let shift = Fr::from(1u128 << 80) * Fr::from(1u128 << 80);
        [root, Fr::from(self.index) * shift + exit_address, Fr::from(balance)]
    }

    /// The canonical bytes: magic, version, depth, then index, account and path as a trace has them, big-endian.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend([VERSION, self.depth() as u8]);
        let Self { index, account, path } = self.clone();
        write_opening(&mut out, &Opening { index, account: Some(account), path });
        out
    }

    /// Reads what `to_bytes` writes and nothing else: each membership has one encoding, and its path leads to a root.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MembershipError> {
        let mut reader = Reader::new(bytes);
        if reader.take::<8>()? != *MAGIC || reader.byte()? != VERSION {
            return Err(MembershipError::Unknown);
        }
        let depth = reader.size(MAX_DEPTH, "depth")?;
        let Opening { index, account, path } = reader.opening(depth)?;
        reader.finish()?;
        let read = Self { index, account: account.ok_or(MembershipError::Missing)?, path };
        read.root().ok_or(MembershipError::Path)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use ark_ff::Field;

    use super::*;
    use crate::field::{self, FieldError};

    const DEPTH: usize = 2;
    /// Magic, version and depth; then index, flag, three elements, balance, nonce.
    const OPENING: usize = 10;
    const PATH: usize = OPENING + 9 + 96 + 16 + 8;

    fn account(seed: u64) -> Account {
        let public_key = (Fr::from(seed), -Fr::from(seed));
        Account { public_key, balance: u128::from(seed) << 80, nonce: seed, exit_address: Fr::from(seed + 7) }
    }

    fn state() -> State {
        State::with_accounts(DEPTH, 0, [0, 6, 15].map(|index| (index, account(index + 1)))).expect("a state")
    }

    fn membership() -> Membership {
        Membership::of(&mut state(), 6).expect("exists")
    }

    #[test]
    fn every_account_leads_to_the_states_root() {
        for index in [0, 6, 15] {
            let membership = Membership::of(&mut state(), index).expect("exists");
            assert_eq!(
                (membership.index, membership.account, membership.depth()),
                (index, account(index + 1), DEPTH)
            );
            assert_eq!(membership.root(), Some(state().root()));
        }
    }

    #[test]
    fn missing_accounts_and_indices_outside_the_tree_have_none() {
        // 16 and 22 have the low bits of accounts 0 and 6.
        for index in [1, 7, 14, 16, 22, 1 << 48, u64::MAX] {
            assert_eq!(Membership::of(&mut state(), index), None, "{index}");
        }
    }

    #[test]
    fn the_second_public_input_packs_index_and_address() {
        let root = state().root();
        let packed = Fr::from(2u64).pow([160]) * Fr::from(6u64) + Fr::from(14u64);
        assert_eq!(membership().public_inputs(root), [root, packed, Fr::from(7u128 << 80)]);
    }

    #[test]
    fn bytes_give_the_membership_back() {
        assert_eq!(membership().to_bytes().len(), PATH + DEPTH * 128);
        assert_eq!(Membership::from_bytes(&membership().to_bytes()), Ok(membership()));
    }

    #[test]
    fn every_truncation_and_every_longer_file_is_refused() {
        let bytes = membership().to_bytes();
        for length in 0..bytes.len() {
            let truncated = Err(MembershipError::Encoding(TraceError::Truncated { at: length }));
            assert_eq!(Membership::from_bytes(&bytes[..length]), truncated);
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        let trailing = Err(MembershipError::Encoding(TraceError::Trailing { extra: 1 }));
        assert_eq!(Membership::from_bytes(&longer), trailing);
    }

    #[test]
    fn values_out_of_range_are_refused_by_name() {
        let refused = |at: usize, value: u8, error: MembershipError| {
            let mut bytes = membership().to_bytes();
            bytes[at] = value;
            assert_eq!(Membership::from_bytes(&bytes), Err(error), "byte {at}");
        };
        let range = |what| MembershipError::Encoding(TraceError::Range { what });
        refused(0, 0, MembershipError::Unknown);
        refused(8, 2, MembershipError::Unknown);
        refused(9, 0, range("depth"));
        refused(9, 25, range("depth"));
        refused(OPENING + 7, 16, range("index"));
        refused(OPENING + 8, 2, range("account flag"));
        refused(OPENING + 9 + 64 + 11, 1, range("exit address"));
        refused(OPENING + 9 + 96 + 3, 1, range("balance"));
        refused(OPENING + 9 + 96 + 16 + 3, 1, range("nonce"));
        let unreduced = TraceError::Field(FieldError::NotReduced);
        refused(PATH, 0xff, MembershipError::Encoding(unreduced));
    }

    #[test]
    fn an_opening_without_an_account_is_refused() {
        let opening = state().open(7);
        let mut bytes = membership().to_bytes()[..OPENING].to_vec();
        write_opening(&mut bytes, &opening);
        assert_eq!(Membership::from_bytes(&bytes), Err(MembershipError::Missing));
    }

    #[test]
    fn a_path_that_does_not_hold_together_is_refused() {
        let mut other = membership();
        other.index = 5;
        assert_eq!(Membership::from_bytes(&other.to_bytes()), Err(MembershipError::Path));
        let mut richer = membership();
        richer.account.balance += 1;
        assert_eq!(Membership::from_bytes(&richer.to_bytes()), Err(MembershipError::Path));
        let mut torn = membership();
        torn.path[1][1] += Fr::ONE;
        assert_eq!(Membership::from_bytes(&torn.to_bytes()), Err(MembershipError::Path));
    }

    #[test]
    fn a_changed_byte_is_refused_or_another_memberships_only_encoding() {
        let whole = membership().to_bytes();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            if let Ok(read) = Membership::from_bytes(&bytes) {
                // A sibling that the path does not pass through: the same account under another root.
                assert_eq!((read.to_bytes(), read.index, read.account), (bytes, 6, account(7)));
                assert_ne!(field::to_bytes(&read.root().expect("checked")), field::to_bytes(&state().root()));
            }
        }
    }
}
