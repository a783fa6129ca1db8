//! A sparse Merkle tree of arity 4 over Poseidon (docs/protocol.md, section 2).
//!
//! **Invariant**: a node that is not stored has the default value of its level, the root of an empty
//! subtree; a stored node never has it.

use std::collections::{BTreeMap, HashMap};

use ark_ff::AdditiveGroup;

use crate::{field::Fr, poseidon};

/// Children of a node.
pub const ARITY: u64 = 4;
const DIGIT_BITS: usize = 2;

/// The tree's nodes; level 0 holds the leaves, level `depth` the root.
#[derive(Debug, Clone)]
pub struct Tree {
    defaults: Vec<Fr>,
    levels: Vec<HashMap<u64, Fr>>,
}

impl Tree {
    /// An empty tree of `4^depth` leaves.
    pub fn new(depth: usize) -> Self {
        let mut defaults = vec![Fr::ZERO];
        for level in 0..depth {
            defaults.push(poseidon::hash4([defaults[level]; 4]));
        }
        Self { defaults, levels: vec![HashMap::new(); depth + 1] }
    }

    pub fn depth(&self) -> usize {
        self.levels.len() - 1
    }

    pub fn root(&self) -> Fr {
        self.node(self.depth(), 0)
    }

    /// All nodes that lie `levels` below the root, in order.
    pub fn nodes_below(&self, levels: usize) -> Vec<Fr> {
        (0..1 << (DIGIT_BITS * levels)).map(|index| self.node(self.depth() - levels, index)).collect()
    }

    fn node(&self, level: usize, index: u64) -> Fr {
        self.levels[level].get(&index).copied().unwrap_or(self.defaults[level])
    }

    fn store(&mut self, level: usize, index: u64, value: Fr) {
        if value == self.defaults[level] {
            self.levels[level].remove(&index);
        } else {
            self.levels[level].insert(index, value);
        }
    }

    /// The four children of the node `parent` on the level above `level`.
    fn children(&self, level: usize, parent: u64) -> [Fr; 4] {
        std::array::from_fn(|digit| self.node(level, parent * ARITY + digit as u64))
    }

    /// From the leaf's parent up to the root: each one's four children. `index` is below `4^depth`.
    pub fn path(&self, index: u64) -> Vec<[Fr; 4]> {
        (0..self.depth()).map(|level| self.children(level, index >> (DIGIT_BITS * (level + 1)))).collect()
    }

    /// Sets one leaf; `depth` hashes.
    pub fn set(&mut self, index: u64, leaf: Fr) {
        self.store(0, index, leaf);
        let mut parent = index;
        for level in 0..self.depth() {
            parent >>= DIGIT_BITS;
            let value = poseidon::hash4(self.children(level, parent));
            self.store(level + 1, parent, value);
        }
    }

    /// Sets many leaves, hashing each touched node once, the nodes of a level on all cores.
    pub fn set_many(&mut self, leaves: &BTreeMap<u64, Fr>) {
        leaves.iter().for_each(|(&index, &leaf)| self.store(0, index, leaf));
        let mut touched: Vec<u64> = leaves.keys().copied().collect();
        for level in 0..self.depth() {
            touched.iter_mut().for_each(|index| *index >>= DIGIT_BITS);
            touched.dedup(); // they stay sorted
            let children: Vec<[Fr; 4]> = touched.iter().map(|&parent| self.children(level, parent)).collect();
            for (&parent, value) in touched.iter().zip(poseidon::hash4_many(&children)) {
                self.store(level + 1, parent, value);
            }
        }
    }
}

/// The root that a leaf and its path lead to; `None` if the path does not hold together.
pub fn root_of(index: u64, leaf: Fr, path: &[[Fr; 4]]) -> Option<Fr> {
    path.iter().enumerate().try_fold(leaf, |node, (level, children)| {
        let digit = (index >> (DIGIT_BITS * level)) & (ARITY - 1);
        (children[digit as usize] == node).then(|| poseidon::hash4(*children))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole tree, hashed without any sparsity.
    fn dense_root(depth: usize, leaves: &BTreeMap<u64, Fr>) -> Fr {
        let mut nodes: Vec<Fr> = (0..ARITY.pow(depth as u32))
            .map(|index| leaves.get(&index).copied().unwrap_or(Fr::ZERO))
            .collect();
        while nodes.len() > 1 {
            let (groups, _) = nodes.as_chunks::<4>();
            nodes = groups.iter().map(|children| poseidon::hash4(*children)).collect();
        }
        nodes[0]
    }

    fn leaves() -> BTreeMap<u64, Fr> {
        [0u64, 1, 5, 26, 63].map(|index| (index, Fr::from(index + 100))).into()
    }

    fn filled() -> Tree {
        let mut tree = Tree::new(3);
        leaves().iter().for_each(|(&index, &leaf)| tree.set(index, leaf));
        tree
    }

    #[test]
    fn a_sparse_tree_has_the_dense_trees_root() {
        assert_eq!(Tree::new(3).root(), dense_root(3, &BTreeMap::new()));
        assert_eq!(filled().root(), dense_root(3, &leaves()));
    }

    #[test]
    fn many_leaves_at_once_equal_one_by_one() {
        let mut tree = Tree::new(3);
        tree.set_many(&leaves());
        assert_eq!(tree.root(), filled().root());
        tree.set_many(&BTreeMap::new());
        assert_eq!(tree.root(), filled().root());
    }

    #[test]
    fn emptying_every_leaf_leaves_nothing_stored() {
        let mut tree = filled();
        tree.set_many(&leaves().into_keys().map(|index| (index, Fr::ZERO)).collect());
        assert_eq!(tree.root(), Tree::new(3).root());
        assert!(tree.levels.iter().all(HashMap::is_empty));
    }

    #[test]
    fn paths_lead_to_the_root_and_bind_index_and_leaf() {
        let tree = filled();
        for (index, leaf) in leaves() {
            let path = tree.path(index);
            assert_eq!(root_of(index, leaf, &path), Some(tree.root()));
            assert_eq!(root_of(index, leaf + Fr::from(1u64), &path), None);
            assert_ne!(root_of(index ^ 1, leaf, &path), Some(tree.root()));
        }
    }

    #[test]
    fn the_least_significant_digit_is_at_the_leaves() {
        let mut tree = Tree::new(2);
        tree.set(0b01_10, Fr::from(9u64));
        let path = tree.path(0b01_10);
        assert_eq!(path[0], [Fr::ZERO, Fr::ZERO, Fr::from(9u64), Fr::ZERO]);
        assert_eq!(path[1][1], poseidon::hash4(path[0]));
    }
}
