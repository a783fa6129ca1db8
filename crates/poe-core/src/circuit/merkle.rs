//! One leaf of the 4-ary tree replaced: both roots from one path.

use super::{
    builder::{ConstraintSystem, Num, Place},
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
    let levels = index.chunks(2).zip(path).enumerate();
    levels.fold(leaves, |nodes, (below, (digit, &children))| {
        let place = Place::above(index, below + 1);
        let children = cs.load(place, children);
        let replaced =
            cs.scoped("position", |cs| replace_child(cs, [&digit[0], &digit[1]], &children, &nodes));
        cs.store(place, &replaced);
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
    let changes =
        [&(&(&change - &at_odd) - &at_high) + &at_three, &at_odd - &at_three, &at_high - &at_three, at_three];
    std::array::from_fn(|i| &children[i] + &changes[i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::testing::{Gadget, element, run_gadget},
        merkle::Tree,
    };

    const DEPTH: usize = 2;

    fn tree() -> Tree {
        let mut tree = Tree::new(DEPTH);
        (0..9).for_each(|index| tree.set(index, element(index)));
        tree
    }

    /// Inputs: old leaf, new leaf, the index's bits.
    fn run(index: u64, path: &[[Fr; 4]], old: Fr, new: Fr) -> Gadget {
        let bits = (0..2 * DEPTH).map(|i| Fr::from(index >> i & 1));
        let inputs: Vec<Fr> = [old, new].into_iter().chain(bits).collect();
        run_gadget!(inputs, |cs, wires| {
            let leaves = Roots { old: wires[0].clone(), new: wires[1].clone() };
            let roots = replace_leaf(cs, &wires[2..], path, leaves);
            [roots.old, roots.new]
        })
    }

    #[test]
    fn every_index_leads_to_the_trees_roots() {
        for index in 0..16 {
            let mut tree = tree();
            let old = if index < 9 { element(index) } else { Fr::from(0u64) };
            let new = element(100 + index);
            let gadget = run(index, &tree.path(index), old, new);
            assert_eq!(gadget.constraints(), 600 * DEPTH);
            assert_eq!(gadget.output(), tree.root());
            tree.set(index, new);
            assert_eq!(gadget.outputs[1], tree.root());
            gadget.assert_tight();
        }
    }

    #[test]
    fn a_leaf_that_is_not_at_its_place_is_refused() {
        let tree = tree();
        let wrong_leaf = run(3, &tree.path(3), element(4), element(9));
        let wrong_index = run(3, &tree.path(2), element(2), element(9));
        let wrong_parent = run(7, &tree.path(3), element(3), element(9));
        for gadget in [wrong_leaf, wrong_index, wrong_parent] {
            let violation = gadget.r1cs.is_satisfied(&gadget.values).expect_err("another place");
            assert_eq!(violation.group, "position");
        }
    }
}
