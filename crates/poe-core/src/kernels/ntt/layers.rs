//! From values at the roots to values at the odd points, in one recursion over cache-sized blocks.
//!
//! A decimation in frequency takes values in natural order to coefficients in bit-reversed order; a decimation in
//! time takes those back to values, here at the odd points. Both work on the same blocks, the first from the largest
//! down, the second up again: one recursion does both, and below the size of a cache a block is read from memory once.
//! Layers go in pairs, each pair one pass over its block.
//!
//! With `ω_s` the s-th root of unity, a block of s values and k < s/2:
//! down (Gentleman and Sande 1966): `(x_k, x_{k+s/2}) → (x_k + x_{k+s/2}, (x_k − x_{k+s/2})·ω_s^{−k})`;
//! up (Cooley and Tukey 1965): `(x_k, x_{k+s/2}) → (x_k + t, x_k − t)` with `t = x_{k+s/2}·ω_{2s}^{2k+1}`, since the
//! even and odd parts of a polynomial at `ω_{2s}^{2k+1}` are polynomials at its square, `ω_s^{2k+1}`.
//! Nothing divides by the size: what comes out is that much too large.

use ark_ff::{FftField, Field};
use rayon::join;

use crate::{field::Fr, kernels::stop::Stop};

/// Blocks above this many lanes are shared between threads and look at the flag, 0.1 ms of work a pass.
const TASK_LANES: usize = 1 << 10;

/// The arithmetic of a layer on lanes: one element, or several side by side that go through the same layers.
pub trait Layers: Copy + Send + Sync {
    type Lane: Copy + Send + Sync;

    /// Two layers down at equal positions of the quarters of a block; roots of quarters 0 and 1 and of the half.
    fn split(self, quarters: [&mut [Self::Lane]; 4], roots: [&[Fr]; 3]);

    /// Two layers up; roots as in `split`.
    fn merge(self, quarters: [&mut [Self::Lane]; 4], roots: [&[Fr]; 3]);

    /// The layers of a block of two, down and up.
    fn turn(self, pair: [&mut Self::Lane; 2], root: &Fr);
}

/// Roots of all layers up to blocks of some size: those of blocks of 2h lie at `h..2h`.
#[derive(Debug, Clone)]
pub struct Roots {
    /// `ω_{2h}^{−k}` at `h + k`.
    pub down: Vec<Fr>,
    /// `ω_{4h}^{2k+1}` at `h + k`.
    pub up: Vec<Fr>,
}

impl Roots {
    /// For blocks of up to `size`, a power of two, each root times `form`; `None` where the field has no such root.
    pub fn new(size: usize, form: Fr) -> Option<Self> {
        let mut roots = Self { down: vec![form], up: vec![form] };
        let mut half = 1;
        while half < size {
            let root = Fr::get_root_of_unity(4 * half as u64)?;
            let square = root.square();
            let mut powers = |start: Fr, step: Fr, table: fn(&mut Self) -> &mut Vec<Fr>| {
                table(&mut roots)
                    .extend(std::iter::successors(Some(start), |power| Some(power * &step)).take(half));
            };
            powers(form, square.inverse()?, |roots| &mut roots.down);
            powers(root * form, square, |roots| &mut roots.up);
            half *= 2;
        }
        Some(roots)
    }
}

/// Moves the values of a block of 2^k lanes; leaves them unfinished once the flag is set.
pub fn move_to_odd_points<L: Layers>(layers: L, block: &mut [L::Lane], roots: &Roots, stop: &Stop) {
    if let [first, second] = block {
        return layers.turn([first, second], &roots.up[1]);
    }
    if block.len() < 2 || stop.is_set() {
        return;
    }
    let quarter = block.len() / 4;
    let is_shared = block.len() > TASK_LANES;
    let go = |part: &mut [L::Lane]| move_to_odd_points(layers, part, roots, stop);
    let down = Table { roots: &roots.down, quarter, from: 0 };
    let up = Table { roots: &roots.up, ..down };
    if is_shared {
        pass(quarters_of(block), down, &|parts, roots| layers.split(parts, roots));
        let [first, second, third, fourth] = quarters_of(block);
        join(|| join(|| go(first), || go(second)), || join(|| go(third), || go(fourth)));
        pass(quarters_of(block), up, &|parts, roots| layers.merge(parts, roots));
    } else {
        layers.split(quarters_of(block), down.of(quarter));
        quarters_of(block).into_iter().for_each(go);
        layers.merge(quarters_of(block), up.of(quarter));
    }
}

/// Where the roots of a part of a block lie: its quarters' length, and where the part starts in each.
#[derive(Clone, Copy)]
struct Table<'a> {
    roots: &'a [Fr],
    quarter: usize,
    from: usize,
}

impl<'a> Table<'a> {
    fn of(self, length: usize) -> [&'a [Fr]; 3] {
        [2, 3, 1].map(|part| &self.roots[part * self.quarter + self.from..][..length])
    }
}

/// One pass over a block, in tasks.
fn pass<T: Send>(parts: [&mut [T]; 4], table: Table, kernel: &(impl Fn([&mut [T]; 4], [&[Fr]; 3]) + Sync)) {
    let length = parts[0].len();
    if length <= TASK_LANES {
        return kernel(parts, table.of(length));
    }
    let [(a, b), (c, d), (e, f), (g, h)] = parts.map(|part| part.split_at_mut(length / 2));
    let later = Table { from: table.from + length / 2, ..table };
    join(|| pass([a, c, e, g], table, kernel), || pass([b, d, f, h], later, kernel));
}

fn quarters_of<T>(block: &mut [T]) -> [&mut [T]; 4] {
    let (low, high) = block.split_at_mut(block.len() / 2);
    let (first, second) = low.split_at_mut(low.len() / 2);
    let (third, fourth) = high.split_at_mut(high.len() / 2);
    [first, second, third, fourth]
}
