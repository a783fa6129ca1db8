//! Accounts at the edges of a tree, whose memberships the search starts from.

use super::{Report, Suite, cone::Witness, tape::Recorder};
use crate::{
    account::{Account, BALANCE_BITS, NONCE_MAX},
    circuit::membership::{DepthError, synthesise},
    eddsa,
    field::{self, Fr},
    membership::Membership,
    state::State,
};

/// Mutates the membership circuit of a depth.
pub fn mutate_membership(depth: usize, seed: u64) -> Result<Report, DepthError> {
    Ok(Suite::of_membership(depth, seed)?.run(None))
}

impl Suite {
    /// The memberships of all of [`contents`].
    pub fn of_membership(depth: usize, seed: u64) -> Result<Self, DepthError> {
        let contents = contents(depth)?;
        let witnesses = contents.iter().map(|(name, membership, root)| record(name, membership, *root));
        Ok(Self { witnesses: witnesses.collect(), seed })
    }
}

fn record(name: &'static str, membership: &Membership, root: Fr) -> Witness {
    let (mut recorder, public) = Recorder::new(&membership.public_inputs(root));
    synthesise(&mut recorder, &public, membership);
    Witness::new(name, recorder.finish())
}

/// A name, a membership, and the root of its state.
type Content = (&'static str, Membership, Fr);

/// The first account, the last, one at the limits of every width, one that has the tree to itself, and one among
/// others just like it: there only the holder's bits tell one index from another.
///
/// They lie apart, so that a tree of depth 1 has each of them.
pub fn contents(depth: usize) -> Result<Vec<Content>, DepthError> {
    let last = State::new(depth, 0).map_err(|_| DepthError { depth })?.capacity() - 1;
    let everyone = [(0, ordinary(0)), (1, maximal()), (last, ordinary(last))];
    let alone = [(2, ordinary(2))];
    let alike: Vec<_> = (0..=last.min(15)).map(|index| (index, ordinary(2))).collect();
    let drafts: [(_, _, &[_]); 5] = [
        ("first", 0, &everyone),
        ("maximal", 1, &everyone),
        ("last", last, &everyone),
        ("alone", 2, &alone),
        ("alike", 2, &alike),
    ];
    let content = |(name, index, accounts): (&'static str, u64, &[(u64, Account)])| {
        let mut state = State::with_accounts(depth, 0, accounts.iter().copied()).ok()?;
        Some((name, Membership::of(&mut state, index)?, state.root()))
    };
    drafts.into_iter().map(|draft| content(draft).ok_or(DepthError { depth })).collect()
}

fn ordinary(index: u64) -> Account {
    let public_key = eddsa::derive_public_key(&[(index % 200) as u8 + 1; 32]);
    Account {
        public_key,
        balance: 1_000 + u128::from(index),
        nonce: index % 7,
        exit_address: Fr::from(index + 5),
    }
}

fn maximal() -> Account {
    let largest_address = [[0; 12].as_slice(), &[0xff; 20]].concat();
    Account {
        public_key: (-Fr::from(1u64), -Fr::from(1u64)),
        balance: (1 << BALANCE_BITS) - 1,
        nonce: NONCE_MAX,
        exit_address: field::from_bytes_strict(&largest_address).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_depth_has_its_contents() {
        for depth in [1, 2, 24] {
            let contents = contents(depth).expect("a depth");
            let indices: Vec<u64> = contents.iter().map(|content| content.1.index).collect();
            assert_eq!(indices, [0, 1, (1 << (2 * depth)) - 1, 2, 2]);
            assert!(contents.iter().all(|(_, membership, root)| membership.root() == Some(*root)));
        }
        assert!(maximal().is_in_range());
        assert_eq!(contents(0).expect_err("outside"), DepthError { depth: 0 });
        assert_eq!(contents(25).expect_err("outside"), DepthError { depth: 25 });
    }
}
