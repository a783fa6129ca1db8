//! The layers on one element at a time, for machines without IFMA.

use super::layers::Layers;
use crate::field::Fr;

/// One element a lane; roots in arkworks' form.
#[derive(Debug, Clone, Copy)]
pub struct Scalar;

impl Layers for Scalar {
    type Lane = Fr;

    fn split(self, quarters: [&mut [Fr]; 4], roots: [&[Fr]; 3]) {
        for_positions(quarters, roots, |[a, b, c, d], [low, high, half]| {
            down(a, c, low);
            down(b, d, high);
            down(a, b, half);
            down(c, d, half);
        });
    }

    fn merge(self, quarters: [&mut [Fr]; 4], roots: [&[Fr]; 3]) {
        for_positions(quarters, roots, |[a, b, c, d], [low, high, half]| {
            up(a, b, half);
            up(c, d, half);
            up(a, c, low);
            up(b, d, high);
        });
    }

    fn turn(self, [a, b]: [&mut Fr; 2], root: &Fr) {
        let difference = *a - *b;
        *a += *b;
        *b = difference;
        up(a, b, root);
    }
}

/// Calls `butterfly` with what lies at each position of four quarters and of their roots.
#[inline(always)]
pub fn for_positions<T>(
    [a, b, c, d]: [&mut [T]; 4],
    [low, high, half]: [&[Fr]; 3],
    mut butterfly: impl FnMut([&mut T; 4], [&Fr; 3]),
) {
    let values = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
    let roots = low.iter().zip(high).zip(half);
    for (((a, b), (c, d)), ((low, high), half)) in values.zip(roots) {
        butterfly([a, b, c, d], [low, high, half]);
    }
}

#[inline(always)]
fn down(a: &mut Fr, b: &mut Fr, root: &Fr) {
    let difference = *a - *b;
    *a += *b;
    *b = difference * root;
}

#[inline(always)]
fn up(a: &mut Fr, b: &mut Fr, root: &Fr) {
    let turned = *b * root;
    *b = *a - turned;
    *a += turned;
}
