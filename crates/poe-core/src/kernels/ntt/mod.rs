//! Transforms over roots of unity, and the quotient of a quadratic arithmetic program made of them.

#[cfg(target_arch = "x86_64")]
mod ifma;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod layers;
mod scalar;
#[cfg(test)]
mod tests;

use ark_ff::{AdditiveGroup, Field};
use rayon::prelude::*;

use self::{
    layers::{Roots, move_to_odd_points},
    scalar::Scalar,
};
use super::{
    field::Path,
    stop::{Stop, Stopped},
};
use crate::field::Fr;

/// Elements a task of a pass that does a product or two with each.
const TASK_ELEMENTS: usize = 1 << 12;
/// Below this many values everything goes one element at a time: eight vectors are the least that lanes work on.
const LEAST_LANES_SIZE: usize = 64;

/// The 2^k-th roots of unity `ω^i` and, between them, the odd points `η·ω^i` with `η² = ω`.
#[derive(Debug, Clone)]
pub struct Transform {
    path: Path,
    roots: Roots,
    size: usize,
    inverse_size: Fr,
}

impl Transform {
    /// Of `size` points, a power of two; `None` beyond 2^27. On small sizes the path is always the scalar one.
    pub fn new(size: usize, path: Path) -> Option<Self> {
        let path = if size < LEAST_LANES_SIZE { Path::Scalar } else { path };
        let form = match path {
            Path::Ifma(_) => 16u64, // wide: kernels::field
            Path::Scalar => 1,
        };
        let inverse_size = Fr::from(size as u64).inverse()?;
        let roots = size.is_power_of_two().then(|| Roots::new(size, Fr::from(form)))??;
        Some(Self { path, roots, size, inverse_size })
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// `A·B − C` at the odd points from the values of A and B at the roots, where `C = A·B`.
    /// All three are of degree below the size. Linear in memory: three copies of the values.
    pub fn quotient(&self, a: Vec<Fr>, b: Vec<Fr>, stop: &Stop) -> Result<Vec<Fr>, Stopped> {
        assert!(a.len() == self.size && b.len() == self.size, "one value a root");
        match self.path {
            #[cfg(target_arch = "x86_64")]
            Path::Ifma(token) => lanes::quotient(token, self, &a, &b, stop),
            _ => self.scalar_quotient(a, b, stop),
        }
    }

    fn scalar_quotient(&self, mut a: Vec<Fr>, mut b: Vec<Fr>, stop: &Stop) -> Result<Vec<Fr>, Stopped> {
        let mut c = vec![Fr::ZERO; self.size];
        let tasks =
            c.par_chunks_mut(TASK_ELEMENTS).zip(a.par_chunks(TASK_ELEMENTS)).zip(b.par_chunks(TASK_ELEMENTS));
        tasks.try_for_each(|((c, a), b)| {
            stop.check()?;
            c.iter_mut().zip(a).zip(b).for_each(|((c, a), b)| *c = *a * b);
            Ok(())
        })?;
        [&mut a, &mut b, &mut c]
            .into_par_iter()
            .for_each(|values| move_to_odd_points(Scalar, values, &self.roots, stop));
        stop.check()?;
        let square = self.inverse_size.square();
        let tasks =
            a.par_chunks_mut(TASK_ELEMENTS).zip(b.par_chunks(TASK_ELEMENTS)).zip(c.par_chunks(TASK_ELEMENTS));
        tasks.try_for_each(|((a, b), c)| {
            stop.check()?;
            a.iter_mut().zip(b).zip(c).for_each(|((a, b), c)| *a = *a * b * square - *c * self.inverse_size);
            Ok(())
        })?;
        Ok(a)
    }
}
