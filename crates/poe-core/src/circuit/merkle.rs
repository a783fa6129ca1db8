//! One leaf of the 4-ary tree replaced: both roots from one path.

use ark_ff::Field;

use super::{
    builder::{ConstraintSystem, Linear, Num, Place},
    poseidon::{compress, fifth_power, input_constant},
};
use crate::field::Fr;

const ARITY: usize = 4;

/// The tree's root with the old leaf and with the new one.
#[derive(Debug, Clone)]
pub struct Roots<L> {
    pub old: Num<L>,
    pub new: Num<L>,
}

/// Replaces the leaf at the index whose bits are `index`, two a level, least significant first, in its subtree of
/// `height` levels. 583 constraints a level. `path`: from the leaf's parent up, the four children before the update.
///
/// The hints are the children *absorbed*, as the hash's first round leaves them: that round permutes the field, so
/// siblings need no constraints for it, and the two hashes share them.
pub fn replace_leaf<C: ConstraintSystem>(
    cs: &mut C,
    index: &[Num<C::L>],
    height: usize,
    path: &[[Fr; ARITY]],
    leaves: Roots<C::L>,
) -> Roots<C::L> {
    let levels = index.chunks(2).zip(path).take(height).enumerate();
    levels.fold(leaves, |nodes, (below, (digit, children))| {
        let place = Place::above(index, below + 1);
        let children = cs.load(place, std::array::from_fn(|i| absorb_value(i, children[i])));
        let digit = cs.scoped("position", |cs| Digit::new(cs, &digit[0], &digit[1]));
        let nodes = cs.scoped("absorb", |cs| Roots {
            old: digit.absorb(cs, &nodes.old),
            new: digit.absorb(cs, &nodes.new),
        });
        let replaced = cs.scoped("position", |cs| digit.replace_child(cs, &children, &nodes));
        cs.store(place, &replaced);
        Roots {
            old: cs.scoped("old_hash", |cs| compress(cs, &children)),
            new: cs.scoped("new_hash", |cs| compress(cs, &replaced)),
        }
    })
}

/// What `absorb` makes of a child.
fn absorb_value(position: usize, child: Fr) -> Fr {
    let input = child + input_constant(ARITY, position);
    input.square().square() * input
}

/// A digit in base 4: which child a node is.
struct Digit<'a, L> {
    low: &'a Num<L>,
    high: &'a Num<L>,
    /// Whether the digit is 3.
    both: Num<L>,
}

impl<'a, L: Linear> Digit<'a, L> {
    /// The bits must be boolean. One constraint.
    fn new<C: ConstraintSystem<L = L>>(cs: &mut C, low: &'a Num<L>, high: &'a Num<L>) -> Self {
        Self { low, high, both: cs.mul(low, high) }
    }

    /// The node absorbed at this position. Three constraints.
    fn absorb<C: ConstraintSystem<L = L>>(&self, cs: &mut C, node: &Num<L>) -> Num<L> {
        let [at_0, at_1, at_2, at_3] = std::array::from_fn(|i| input_constant(ARITY, i));
        let mut input = node.add_constant(at_0);
        input.add_scaled(self.low, at_1 - at_0);
        input.add_scaled(self.high, at_2 - at_0);
        input.add_scaled(&self.both, at_3 - at_2 - at_1 + at_0);
        fifth_power(cs, &input)
    }

    /// Demands that the child at this position is `nodes.old`; returns the children with `nodes.new` in its place.
    /// Six constraints.
    fn replace_child<C: ConstraintSystem<L = L>>(
        &self,
        cs: &mut C,
        children: &[Num<L>; ARITY],
        nodes: &Roots<L>,
    ) -> [Num<L>; ARITY] {
        let left = cs.select(self.low, &children[1], &children[0]);
        let right = cs.select(self.low, &children[3], &children[2]);
        cs.enforce(&(&right - &left), self.high, &(&nodes.old - &left));

        let change = &nodes.new - &nodes.old;
        let [at_odd, at_high, at_3] = [self.low, self.high, &self.both].map(|bit| cs.mul(&change, bit));
        let changes = [&(&(&change - &at_odd) - &at_high) + &at_3, &at_odd - &at_3, &at_high - &at_3, at_3];
        std::array::from_fn(|i| &children[i] + &changes[i])
    }
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
            let roots = replace_leaf(cs, &wires[2..], DEPTH, path, leaves);
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
            assert_eq!(gadget.constraints(), 583 * DEPTH);
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
