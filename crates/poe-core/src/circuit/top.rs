//! The state tree's top as an array: its `4^levels` subtree roots, hashed to the old root at the batch's start and to
//! the new one at its end, read and written by every access in between.
//!
//! An access with k levels on top costs k hashes of an old path and k of a new one less, and `2·(4^k − 1)` more; the
//! array's own hashes cost `198·(4^k − 1)` a batch. `trace::top_levels` says which k is best for a shape.

use super::{
    builder::{ConstraintSystem, Linear, Num},
    merkle::Roots,
    poseidon::poseidon,
};
use crate::field::Fr;

/// One leaf's update as its subtree sees it.
#[derive(Debug, Clone)]
pub struct Access<L> {
    /// Which subtree: boolean, two bits a level on top, least significant first.
    pub index: Vec<Num<L>>,
    /// The subtree's root before and after.
    pub roots: Roots<L>,
}

/// The subtree roots, as the accesses so far left them.
#[derive(Debug)]
pub struct Top<L> {
    nodes: Vec<Num<L>>,
}

impl<L: Linear> Top<L> {
    /// The array before the batch, under `old_root`. `99·(4^levels − 1) + 1` constraints.
    pub fn open<C: ConstraintSystem<L = L>>(cs: &mut C, nodes: &[Fr], old_root: &Num<L>) -> Self {
        let nodes: Vec<_> = nodes.iter().map(|&node| cs.alloc(node)).collect();
        let root = cs.scoped("old_hash", |cs| root_of(cs, &nodes));
        cs.scoped("old_root", |cs| cs.enforce_equal(&root, old_root));
        Self { nodes }
    }

    /// Demands that the access's subtree root is the array's, and writes the new one. `2·(4^levels − 1)` constraints,
    /// one if there is no level.
    ///
    /// The index is made of bits, so every access names one entry; an account that is missing lies in it all the same.
    pub fn apply<C: ConstraintSystem<L = L>>(&mut self, cs: &mut C, access: &Access<L>) {
        let Access { index, roots } = access;
        cs.scoped("read", |cs| enforce_entry(cs, &self.nodes, index, &roots.old));
        let change = &roots.new - &roots.old;
        let changes = cs.scoped("write", |cs| spread(cs, index, change));
        self.nodes.iter_mut().zip(&changes).for_each(|(node, change)| *node = &*node + change);
    }

    /// The tree's root over the array as it is now. `99·(4^levels − 1)` constraints.
    pub fn close<C: ConstraintSystem<L = L>>(self, cs: &mut C) -> Num<L> {
        cs.scoped("new_hash", |cs| root_of(cs, &self.nodes))
    }
}

/// Demands that the entry at the index is `value`. A multiplexer, a constraint for each entry but one.
fn enforce_entry<C: ConstraintSystem>(
    cs: &mut C,
    entries: &[Num<C::L>],
    index: &[Num<C::L>],
    value: &Num<C::L>,
) {
    let Some((last, lower)) = index.split_last() else { return cs.enforce_equal(&entries[0], value) };
    let halves = lower.iter().fold(entries.to_vec(), |entries, bit| {
        entries.as_chunks::<2>().0.iter().map(|[even, odd]| cs.select(bit, odd, even)).collect()
    });
    cs.enforce(&(&halves[1] - &halves[0]), last, &(value - &halves[0]));
}

/// `change` at the index and zero at every other place. As many constraints as places, less one.
fn spread<C: ConstraintSystem>(cs: &mut C, index: &[Num<C::L>], change: Num<C::L>) -> Vec<Num<C::L>> {
    index.iter().rev().fold(vec![change], |parts, bit| {
        let halve = |part: &Num<C::L>| {
            let high = cs.mul(part, bit);
            [part - &high, high]
        };
        parts.iter().flat_map(halve).collect()
    })
}

/// The root of a whole tree over these nodes.
fn root_of<C: ConstraintSystem>(cs: &mut C, nodes: &[Num<C::L>]) -> Num<C::L> {
    let mut nodes = nodes.to_vec();
    while nodes.len() > 1 {
        nodes = cs.each(nodes.as_chunks::<4>().0, |cs, children| poseidon(cs, children));
    }
    nodes.swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        circuit::testing::{Gadget, element, run_gadget},
        merkle::Tree,
    };

    fn tree(levels: usize) -> Tree {
        let mut tree = Tree::new(levels);
        (0..1 << (2 * levels)).for_each(|index| tree.set(index, element(index)));
        tree
    }

    /// Updates, each of an index, the old value and the new one; inputs are the old root and the updates.
    fn run(levels: usize, old_root: Fr, updates: &[(u64, Fr, Fr)]) -> Gadget {
        let nodes = tree(levels).nodes_below(levels);
        let mut inputs = vec![old_root];
        for &(index, old, new) in updates {
            inputs.extend([old, new]);
            inputs.extend((0..2 * levels).map(|bit| Fr::from(index >> bit & 1)));
        }
        run_gadget!(inputs, |cs, wires| {
            let mut top = Top::open(cs, &nodes, &wires[0]);
            for update in wires[1..].chunks(2 + 2 * levels) {
                let roots = Roots { old: update[0].clone(), new: update[1].clone() };
                top.apply(cs, &Access { index: update[2..].to_vec(), roots });
            }
            [top.close(cs)]
        })
    }

    #[test]
    fn every_entry_is_read_and_written_again() {
        for levels in 0..4 {
            let mut tree = tree(levels);
            let old_root = tree.root();
            let (mut updates, mut values) = (vec![], tree.nodes_below(levels));
            // Each entry, and again the one written before: the array is what the access before left.
            for index in 0..values.len() as u64 {
                for index in [index, index / 2] {
                    let new = element(1000 + updates.len() as u64);
                    updates.push((index, values[index as usize], new));
                    values[index as usize] = new;
                    tree.set(index, new);
                }
            }
            let gadget = run(levels, old_root, &updates);
            assert_eq!(gadget.output(), tree.root());
            let entries = values.len() - 1;
            assert_eq!(gadget.constraints(), 1 + 198 * entries + updates.len() * (2 * entries).max(1));
            if levels < 3 {
                gadget.assert_tight();
            }
        }
    }

    fn refused_by(group: &str, levels: usize, old_root: Fr, updates: &[(u64, Fr, Fr)]) {
        let gadget = run(levels, old_root, updates);
        assert_eq!(gadget.r1cs.is_satisfied(&gadget.values).expect_err("a lie").group, group);
    }

    #[test]
    fn another_entry_a_stale_one_and_another_root_are_refused() {
        for levels in 1..4 {
            let root = tree(levels).root();
            let last = (1 << (2 * levels)) - 1;
            for digit in 0..2 * levels {
                let other = last ^ 1 << digit;
                refused_by("read", levels, root, &[(last, element(other), element(99))]);
            }
            let stale = [(1, element(1), element(50)), (1, element(1), element(51))];
            refused_by("read", levels, root, &stale);
            refused_by("old_root", levels, element(0), &[(1, element(1), element(50))]);
        }
    }

    #[test]
    fn the_levels_on_top_are_the_cheapest_for_the_shape() {
        use crate::trace::top_levels;
        let of = |shapes: &[(usize, usize)]| -> Vec<usize> {
            shapes.iter().map(|&(slots, depth)| top_levels(slots, depth)).collect()
        };
        assert_eq!(
            of(&[(1, 1), (1, 2), (1, 10), (4, 2), (4, 5), (8, 6), (16, 10), (64, 10)]),
            [0, 1, 1, 1, 2, 2, 3, 3]
        );
        assert_eq!(of(&[(255, 3), (255, 10), (255, 24)]), [2, 4, 4]);
    }
}
