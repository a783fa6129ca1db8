//! The accounts and their tree, with undo of whole batches.
//!
//! **Invariant**: the tree's leaf of an index that is not `stale` is the leaf of the account stored there, and
//! `total_balance` is the sum of all balances. Writes only mark an index as stale; `settle` hashes what is marked,
//! each touched node once, on all cores. Whoever opens an index settles first; whoever executes without openings
//! settles when it needs the root.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use crate::{
    account::{self, Account},
    field::Fr,
    merkle::Tree,
    poseidon,
    trace::{MAX_DEPTH, Opening},
};

/// What an account was before a write.
type Write = (u64, Option<Account>);

/// Why a state cannot be made or rolled back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    #[error("a tree's depth is 1 to 24, got {depth}")]
    Depth { depth: usize },
    #[error("account {index} is outside the tree, given twice, or has a value too wide")]
    Account { index: u64 },
    #[error("cannot undo {wanted} batches, {kept} are kept")]
    History { wanted: u64, kept: usize },
}

/// All accounts after a number of batches.
#[derive(Debug, Clone)]
pub struct State {
    accounts: HashMap<u64, Account>,
    tree: Tree,
    /// Indices written since the last `settle`.
    stale: BTreeSet<u64>,
    total_balance: u128,
    /// Writes since the last seal, oldest first.
    journal: Vec<Write>,
    /// Sealed journals, oldest first, at most `history` of them.
    sealed: VecDeque<Vec<Write>>,
    history: usize,
    height: u64,
}

impl State {
    /// No accounts; undo data of the last `history` batches will be kept.
    pub fn new(depth: usize, history: usize) -> Result<Self, StateError> {
        if !(1..=MAX_DEPTH).contains(&depth) {
            return Err(StateError::Depth { depth });
        }
        Ok(Self {
            accounts: HashMap::new(),
            tree: Tree::new(depth),
            stale: BTreeSet::new(),
            total_balance: 0,
            journal: Vec::new(),
            sealed: VecDeque::new(),
            history,
            height: 0,
        })
    }

    /// A state that starts from these accounts; nothing below it can be undone.
    pub fn with_accounts(
        depth: usize,
        history: usize,
        accounts: impl IntoIterator<Item = (u64, Account)>,
    ) -> Result<Self, StateError> {
        let mut state = Self::new(depth, history)?;
        for (index, account) in accounts {
            let fits = index < state.capacity() && account.is_in_range();
            if !fits || state.replace(index, Some(account)).is_some() {
                return Err(StateError::Account { index });
            }
        }
        state.settle();
        Ok(state)
    }

    /// The same state as one that stands after `height` batches.
    pub fn at_height(self, height: u64) -> Self {
        Self { height, ..self }
    }

    /// The root as of the last `settle`.
    pub fn root(&self) -> Fr {
        self.tree.root()
    }

    /// Hashes everything written since the last time.
    pub fn settle(&mut self) {
        if self.stale.is_empty() {
            return;
        }
        let stale = std::mem::take(&mut self.stale);
        let (existing, gone): (Vec<u64>, Vec<u64>) =
            stale.into_iter().partition(|index| self.accounts.contains_key(index));
        let inputs: Vec<[Fr; 5]> = existing.iter().map(|index| self.accounts[index].leaf_inputs()).collect();
        let leaves = existing.into_iter().zip(poseidon::hash5_many(&inputs));
        let gone = gone.into_iter().map(|index| (index, account::leaf(None)));
        self.tree.set_many(&leaves.chain(gone).collect());
    }

    /// All nodes of the tree that lie `levels` below its root, in order; settled before.
    pub fn nodes_below(&self, levels: usize) -> Vec<Fr> {
        debug_assert!(self.stale.is_empty(), "settled");
        self.tree.nodes_below(levels)
    }

    pub fn depth(&self) -> usize {
        self.tree.depth()
    }

    /// Batches executed and not rolled back.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Sum of all balances, in gwei.
    pub fn total_balance(&self) -> u128 {
        self.total_balance
    }

    /// Accounts the tree can hold.
    pub fn capacity(&self) -> u64 {
        1 << (2 * self.depth())
    }

    pub fn account(&self, index: u64) -> Option<&Account> {
        self.accounts.get(&index)
    }

    /// The opening of the low `2·depth` bits of `index`.
    pub(crate) fn open(&mut self, index: u64) -> Opening {
        self.settle();
        let index = index & (self.capacity() - 1);
        Opening { index, account: self.account(index).copied(), path: self.tree.path(index) }
    }

    /// Writes an account at an index below the capacity.
    pub(crate) fn put(&mut self, index: u64, account: Account) {
        let before = self.replace(index, Some(account));
        self.journal.push((index, before));
    }

    /// The accounts written since the last seal, each once, as they are now.
    pub(crate) fn unsealed(&self) -> BTreeMap<u64, Account> {
        let indices = self.journal.iter().map(|(index, _)| index);
        indices.filter_map(|index| Some((*index, *self.accounts.get(index)?))).collect()
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (u64, &Account)> {
        self.accounts.iter().map(|(index, account)| (*index, account))
    }

    /// Ends a batch: its writes can from now on be undone together.
    pub(crate) fn seal(&mut self) {
        self.sealed.push_back(std::mem::take(&mut self.journal));
        if self.sealed.len() > self.history {
            self.sealed.pop_front();
        }
        self.height += 1;
    }

    /// Undoes the last `batches` batches, or nothing if fewer are kept.
    pub fn rollback(&mut self, batches: u64) -> Result<(), StateError> {
        let kept = self.sealed.len();
        let remaining = usize::try_from(batches).ok().and_then(|wanted| kept.checked_sub(wanted));
        let remaining = remaining.ok_or(StateError::History { wanted: batches, kept })?;
        let undone: Vec<Write> = self.sealed.drain(remaining..).flatten().collect();
        self.undo(undone);
        self.height -= batches;
        Ok(())
    }

    /// Takes back the writes since the last seal.
    pub(crate) fn abandon(&mut self) {
        let undone = std::mem::take(&mut self.journal);
        self.undo(undone);
    }

    /// Takes back writes, given oldest first.
    fn undo(&mut self, writes: Vec<Write>) {
        for (index, before) in writes.into_iter().rev() {
            self.replace(index, before);
        }
        self.settle();
    }

    fn replace(&mut self, index: u64, account: Option<Account>) -> Option<Account> {
        let before = match account {
            Some(account) => self.accounts.insert(index, account),
            None => self.accounts.remove(&index),
        };
        self.stale.insert(index);
        let balance = |account: Option<Account>| account.map_or(0, |account| account.balance);
        self.total_balance = self.total_balance + balance(account) - balance(before);
        before
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle;

    fn account(balance: u128) -> Account {
        let key = (Fr::from(1u64), Fr::from(2u64));
        Account { public_key: key, balance, nonce: 0, exit_address: Fr::from(3u64) }
    }

    fn state(history: usize) -> State {
        State::new(3, history).expect("depth 3")
    }

    #[test]
    fn depths_outside_the_protocol_are_refused() {
        assert!(matches!(State::new(0, 1), Err(StateError::Depth { depth: 0 })));
        assert!(matches!(State::new(25, 1), Err(StateError::Depth { depth: 25 })));
        assert_eq!(State::new(24, 1).expect("deepest").capacity(), 1 << 48);
    }

    #[test]
    fn a_state_from_accounts_is_the_state_that_wrote_them() {
        let mut written = state(1);
        let accounts = [(0, account(7)), (63, account(8)), (20, account(9))];
        accounts.iter().for_each(|&(index, account)| written.put(index, account));
        assert_ne!(written.root(), State::with_accounts(3, 1, accounts).expect("well-formed").root());
        written.settle();
        let made = State::with_accounts(3, 1, accounts).expect("well-formed");
        assert_eq!((made.root(), made.total_balance()), (written.root(), 24));
        assert_eq!((made.accounts, made.height), (written.accounts, 0));
    }

    #[test]
    fn accounts_that_cannot_be_are_refused() {
        let refused = |accounts: &[(u64, Account)]| {
            State::with_accounts(3, 1, accounts.iter().copied()).map(|_| ()).expect_err("refused")
        };
        let good = account(1);
        assert_eq!(refused(&[(64, good)]), StateError::Account { index: 64 });
        assert_eq!(refused(&[(1, good), (2, good), (1, good)]), StateError::Account { index: 1 });
        let rich = Account { balance: 1 << 96, ..good };
        assert_eq!(refused(&[(3, rich)]), StateError::Account { index: 3 });
        let worn = Account { nonce: 1 << 32, ..good };
        assert_eq!(refused(&[(4, worn)]), StateError::Account { index: 4 });
        let edge = Account { balance: (1 << 96) - 1, nonce: (1 << 32) - 1, ..good };
        assert!(State::with_accounts(3, 1, [(5, edge)]).is_ok());
    }

    #[test]
    fn an_opening_leads_to_the_root_and_takes_low_bits_alone() {
        let mut state = state(1);
        state.put(5, account(10));
        let opening = state.open(5 + 64 * 7);
        assert_eq!((opening.index, opening.account), (5, Some(account(10))));
        let root = merkle::root_of(5, account(10).leaf(), &opening.path);
        assert_eq!(root, Some(state.root()));
        assert_eq!(state.open(6).account, None);
    }

    #[test]
    fn rolling_back_restores_root_accounts_total_and_height() {
        let mut state = state(8);
        state.put(1, account(10));
        state.settle();
        state.seal();
        let before = state.clone();
        for balance in [11, 12, 13] {
            state.put(1, account(balance));
            state.put(balance as u64, account(balance));
            state.put(1, account(balance + 50));
            state.seal();
        }
        assert_eq!((state.total_balance(), state.height()), (63 + 11 + 12 + 13, 4));
        state.rollback(3).expect("three are kept");
        assert_eq!(state.root(), before.root());
        assert_eq!(state.accounts, before.accounts);
        assert_eq!((state.total_balance(), state.height()), (10, 1));
    }

    #[test]
    fn abandoning_takes_back_what_was_not_sealed_alone() {
        let mut state = state(8);
        state.put(1, account(10));
        state.settle();
        state.seal();
        let before = state.clone();
        state.put(1, account(20));
        state.put(2, account(30));
        state.abandon();
        assert_eq!(state.root(), before.root());
        assert_eq!(state.accounts, before.accounts);
        assert_eq!((state.total_balance(), state.height()), (10, 1));
    }

    #[test]
    fn only_the_kept_history_can_be_undone() {
        let mut state = state(2);
        (0..5).for_each(|_| state.seal());
        assert_eq!(state.rollback(3), Err(StateError::History { wanted: 3, kept: 2 }));
        let huge = StateError::History { wanted: u64::MAX, kept: 2 };
        assert_eq!(state.rollback(u64::MAX), Err(huge));
        assert_eq!(state.height(), 5);
        assert_eq!(state.rollback(0), Ok(()));
        assert_eq!(state.rollback(2), Ok(()));
        assert_eq!(state.height(), 3);
    }
}
