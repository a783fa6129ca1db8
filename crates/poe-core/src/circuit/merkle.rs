//! One leaf of the 4-ary tree replaced: both roots from one path.

use super::{
    builder::{ConstraintSystem, Num},
    poseidon::poseidon,
};
use crate::field::Fr;

/// The tree's root with the old leaf and with the new one.
#[derive(Debug, Clone)]
pub struct Roots<L> {
    pub old: Num<L>,
    pub new: Num<L>,
}

/// Replaces the leaf at the index whose bits are `index`, two a level, least significant first. 600 constraints a
/// level. `path`: from the leaf's parent up, the four children before the update, hints all of them.
pub fn replace_leaf<C: ConstraintSystem>(
    cs: &mut C,
    index: &[Num<C::L>],
    path: &[[Fr; 4]],
    leaves: Roots<C::L>,
) -> Roots<C::L> {
    index.chunks(2).zip(path).fold(leaves, |nodes, (digit, children)| {
        let children = children.map(|child| cs.alloc(child));
        let replaced =
            cs.scoped("position", |cs| replace_child(cs, [&digit[0], &digit[1]], &children, &nodes));
        Roots {
            old: cs.scoped("old_hash", |cs| poseidon(cs, &children)),
            new: cs.scoped("new_hash", |cs| poseidon(cs, &replaced)),
        }
    })
}

/// Demands that the child at the digit is `nodes.old`; returns the children with `nodes.new` in its place.
/// Six constraints; the digit's bits must be boolean.
fn replace_child<C: ConstraintSystem>(
    cs: &mut C,
    [low, high]: [&Num<C::L>; 2],
    children: &[Num<C::L>; 4],
    nodes: &Roots<C::L>,
) -> [Num<C::L>; 4] {
    let left = cs.select(low, &children[1], &children[0]);
    let right = cs.select(low, &children[3], &children[2]);
    cs.enforce(high, &(&right - &left), &(&nodes.old - &left));

    let change = &nodes.new - &nodes.old;
    let at_odd = cs.mul(low, &change);
    let at_high = cs.mul(high, &change);
    let at_three = cs.mul(low, &at_high);
    let changes = [
        &(&(&change - &at_odd) - &at_high) + &at_three,
        &at_odd - &at_three,
        &at_high - &at_three,
        at_three,
    ];
    std::array::from_fn(|i| &children[i] + &changes[i])
}
