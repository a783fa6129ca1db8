//! The membership circuit of a depth (docs/protocol.md, section 9): in the tree of a root, an account holds a balance.
//!
//! Public wires: `root`, `account · 2^160 + exit address` (the *holder*), `balance`. Hints: the holder's bits, the
//! account's key and nonce, the four children of each node on the path.
//!
//! **Invariant**: for a root of a state there is a witness if and only if the state's account of this index has this exit
//! address and this balance. The holder's bits are unique, so the index cannot be traded for the address; each
//! node on the path is the child at the index's digit, and Poseidon binds node to children and leaf to account.

use ark_ff::AdditiveGroup;

use super::{
    bits::to_bits,
    builder::{Assigner, Compiler, ConstraintSystem, Num},
    poseidon::poseidon,
    r1cs::R1cs,
};
use crate::{account::Account, field::Fr, membership::Membership, trace::MAX_DEPTH};

const ADDRESS_BITS: usize = 160;
const DIGIT_BITS: usize = 2;

/// Why there is no circuit of a depth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("depth {depth} is outside 1..{MAX_DEPTH}")]
pub struct DepthError {
    pub depth: usize,
}

/// The circuit. `public` are root, holder, balance; key, nonce and path of `membership` are the hints.
pub(super) fn synthesise<C: ConstraintSystem>(cs: &mut C, public: &[Num<C::L>], membership: &Membership) {
    let width = ADDRESS_BITS + DIGIT_BITS * membership.depth();
    let bits = cs.scoped("split", |cs| to_bits(cs, &public[1], width));
    bind(cs, public, &bits, membership);
}

/// Ties root and balance to the account that the holder's bits name.
fn bind<C: ConstraintSystem>(cs: &mut C, public: &[Num<C::L>], bits: &[Num<C::L>], membership: &Membership) {
    let [root, _, balance] = public else { unreachable!("root, holder, balance are the public wires") };
    let (address, index) = bits.split_at(ADDRESS_BITS);
    let leaf = cs.scoped("leaf", |cs| leaf_of(cs, &membership.account, balance, &Num::from_bits(address)));
    let computed = cs.scoped("path", |cs| climb(cs, index, leaf, &membership.path));
    cs.scoped("root", |cs| cs.enforce_equal(&computed, root));
}

/// `Poseidon5(key x, key y, balance, nonce, exit address)` for some key and nonce: three wires, 321 constraints.
fn leaf_of<C: ConstraintSystem>(
    cs: &mut C,
    account: &Account,
    balance: &Num<C::L>,
    exit_address: &Num<C::L>,
) -> Num<C::L> {
    let (x, y) = account.public_key;
    let [x, y, nonce] = [x, y, account.nonce.into()].map(|value| cs.alloc(value));
    poseidon(cs, &[x, y, balance.clone(), nonce, exit_address.clone()])
}

/// The root above a leaf. `index`: its bits, booleans, two a level, least significant first; `path`: from the leaf's
/// parent up, the four children. 300 constraints a level.
fn climb<C: ConstraintSystem>(
    cs: &mut C,
    index: &[Num<C::L>],
    leaf: Num<C::L>,
    path: &[[Fr; 4]],
) -> Num<C::L> {
    index.chunks(DIGIT_BITS).zip(path).fold(leaf, |node, (digit, children)| {
        let children = children.map(|value| cs.alloc(value));
        cs.scoped("position", |cs| enforce_child(cs, [&digit[0], &digit[1]], &children, &node));
        cs.scoped("hash", |cs| poseidon(cs, &children))
    })
}

/// Demands that the child at the digit is `node`. Three constraints.
fn enforce_child<C: ConstraintSystem>(
    cs: &mut C,
    [low, high]: [&Num<C::L>; 2],
    children: &[Num<C::L>; 4],
    node: &Num<C::L>,
) {
    let left = cs.select(low, &children[1], &children[0]);
    let right = cs.select(low, &children[3], &children[2]);
    cs.enforce(high, &(&right - &left), &(node - &left));
}

/// Compiles the circuit of a depth.
pub fn compile(depth: usize) -> Result<R1cs, DepthError> {
    if !(1..=MAX_DEPTH).contains(&depth) {
        return Err(DepthError { depth });
    }
    // What constraints there are depends on the path's length alone.
    let account = Account { public_key: (Fr::ZERO, Fr::ZERO), balance: 0, nonce: 0, exit_address: Fr::ZERO };
    let membership = Membership { index: 0, account, path: vec![[Fr::ZERO; 4]; depth] };
    let (mut cs, inputs) = Compiler::new(&[Fr::ZERO; 3]);
    synthesise(&mut cs, &inputs, &membership);
    Ok(cs.finish().0)
}

/// The values of all wires. They satisfy the circuit if these public inputs are the membership's.
pub fn witness(membership: &Membership, public: &[Fr; 3]) -> Vec<Fr> {
    let (mut cs, inputs) = Assigner::new(public);
    synthesise(&mut cs, &inputs, membership);
    cs.finish()
}

#[cfg(test)]
#[path = "membership_tests.rs"]
mod tests;
