//! The layers on eight elements at once, and the three outermost layers, which lead into the lanes and out again.
//!
//! Of n = 8m values, number l·m + j sits in lane l of vector j. The layers of blocks larger than m combine lanes; they
//! are done on eight vectors of eight neighbours each, as those lie in memory, and the 64 values are transposed on
//! their way. Below that all lanes go through the same layers of m vectors.
//!
//! Values stay in arkworks' form and roots are in wide form, so products keep it (`kernels::field`). Bounds, in
//! multiples of p: 4 going down, 6 going up.

use super::{layers::Layers, scalar::for_positions};
use crate::{
    field::Fr,
    kernels::field::{FrLanes, Ifma, LANES, Words},
};

/// Eight vectors of eight values.
pub type Group = [FrLanes; LANES];

impl Layers for Ifma {
    type Lane = FrLanes;

    fn split(self, quarters: [&mut [FrLanes]; 4], roots: [&[Fr]; 3]) {
        // SAFETY: the token proves that the instructions exist.
        #[allow(unsafe_code)]
        unsafe {
            split(self, quarters, roots);
        }
    }

    fn merge(self, quarters: [&mut [FrLanes]; 4], roots: [&[Fr]; 3]) {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            merge(self, quarters, roots);
        }
    }

    fn turn(self, pair: [&mut FrLanes; 2], root: &Fr) {
        // SAFETY: as above.
        #[allow(unsafe_code)]
        unsafe {
            turn(self, pair, root);
        }
    }
}

#[inline(always)]
fn splat(token: Ifma, root: &Fr) -> FrLanes {
    FrLanes::splat_element(token, *root)
}

#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn split(token: Ifma, quarters: [&mut [FrLanes]; 4], roots: [&[Fr]; 3]) {
    for_positions(quarters, roots, |[a, b, c, d], [low, high, half]| {
        let half = splat(token, half);
        let (even, odd) = (a.add(*c), b.add(*d)); // < 8p
        let (low, high) = (a.sub::<4>(*c).mul(splat(token, low)), b.sub::<4>(*d).mul(splat(token, high)));
        *a = even.add(odd).reduced();
        *b = even.sub::<8>(odd).mul(half);
        *c = low.add(high);
        *d = low.sub::<2>(high).mul(half);
    });
}

#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn merge(token: Ifma, quarters: [&mut [FrLanes]; 4], roots: [&[Fr]; 3]) {
    for_positions(quarters, roots, |[a, b, c, d], [low, high, half]| {
        let half = splat(token, half);
        let first = a.reduced();
        let (second, fourth) = (b.mul(half), d.mul(half));
        let (even, odd) = (first.add(second), first.sub::<2>(second)); // < 4p
        let third = c.add(fourth).mul(splat(token, low)); // of < 8p
        let fourth = c.sub::<2>(fourth).mul(splat(token, high));
        *a = even.add(third);
        *b = odd.add(fourth);
        *c = even.sub::<2>(third);
        *d = odd.sub::<2>(fourth);
    });
}

#[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
fn turn(token: Ifma, [a, b]: [&mut FrLanes; 2], root: &Fr) {
    let sum = a.add(*b).reduced();
    let difference = a.sub::<4>(*b).mul(splat(token, root));
    *a = sum.add(difference);
    *b = sum.sub::<2>(difference);
}

/// Reads eight times eight neighbours: vector l holds the values `l·m + from ..`.
#[inline(always)]
pub fn read_group(token: Ifma, values: &[Fr], from: usize) -> Group {
    let m = values.len() / LANES;
    std::array::from_fn(|l| load(token, &values[l * m + from..]))
}

#[inline(always)]
fn load(token: Ifma, values: &[Fr]) -> FrLanes {
    match values.first_chunk() {
        Some(eight) => FrLanes::load_elements(token, eight),
        None => FrLanes::zero(token), // a group lies inside its slice
    }
}

/// The three outermost layers down; values < 2p in and out, `roots` of all n values.
#[inline(always)]
pub fn split_group(token: Ifma, mut x: Group, roots: &[Fr], from: usize) -> Group {
    let m = roots.len() / LANES;
    for half in [4, 2, 1] {
        for l in (0..LANES).filter(|l| l & half == 0) {
            let root = load(token, &roots[(half + l % half) * m + from..]);
            let (a, b) = (x[l], x[l + half]);
            let sum = a.add(b); // 4p, 8p, 16p
            x[l] = if half == 1 { sum.reduced() } else { sum };
            x[l + half] = a.sub::<8>(b).mul(root);
        }
    }
    x
}

/// The three outermost layers up; values < 2p in and < 8p out.
#[inline(always)]
pub fn merge_group(token: Ifma, mut x: Group, roots: &[Fr], from: usize) -> Group {
    let m = roots.len() / LANES;
    for half in [1, 2, 4] {
        for l in (0..LANES).filter(|l| l & half == 0) {
            let root = load(token, &roots[(half + l % half) * m + from..]);
            let (a, b) = (x[l], x[l + half].mul(root));
            x[l] = a.add(b);
            x[l + half] = a.sub::<2>(b);
        }
    }
    x
}

/// Lane k of vector l becomes lane l of vector k; values below 5p.
#[inline(always)]
pub fn transposed(token: Ifma, x: Group) -> Group {
    let mut words = [[[0; 4]; LANES]; LANES];
    for (vector, row) in x.into_iter().zip(&mut words) {
        vector.store(token, row.each_mut());
    }
    std::array::from_fn(|k| {
        let column: [&Words; LANES] = std::array::from_fn(|l| &words[l][k]);
        FrLanes::load(token, column)
    })
}
