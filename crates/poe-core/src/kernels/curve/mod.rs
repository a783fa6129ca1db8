//! BN254 points as plain rows of words, and many independent affine additions at once.
//!
//! A batch shares one field inversion (Montgomery's trick), so an affine addition costs five products and a square.
//! Every exceptional case (infinity on either side, equal points, opposite points) gives the right sum.

mod complete;
#[cfg(target_arch = "x86_64")]
mod coordinate;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod row;
mod scalar;
#[cfg(test)]
mod tests;

use super::field::Path;
pub use row::{Curve, Row};

/// A list of additions that do not depend on one another.
///
/// No row that [`Additions::set`] writes may be an operand of another addition of the list.
pub trait Additions<R> {
    /// How many.
    fn count(&self) -> usize;

    /// The operands of addition `k`, and whether the second is to be negated first.
    fn operands(&self, k: usize) -> (&R, &R, bool);

    /// Takes the sum of addition `k`.
    fn set(&mut self, k: usize, sum: &R);
}

/// Does all additions of a list: one inversion in all, so a list of a thousand costs little more than its products.
pub fn add_all<G: Curve>(path: Path, additions: &mut impl Additions<G::Row>) {
    if additions.count() == 0 {
        return;
    }
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Ifma(token) => {
            // SAFETY: the token proves that this machine has the instructions `add_all` is compiled for.
            #[allow(unsafe_code)]
            unsafe {
                ifma::add_all::<G, _>(token, additions);
            }
        }
        _ => scalar::add_all::<G>(additions),
    }
}

/// Adds `addends[k]` to `sums[k]` for every `k`.
pub fn add_each<G: Curve>(path: Path, sums: &mut [G::Row], addends: &[G::Row]) {
    struct Each<'a, R>(&'a mut [R], &'a [R]);
    impl<R: Copy> Additions<R> for Each<'_, R> {
        fn count(&self) -> usize {
            self.1.len()
        }
        fn operands(&self, k: usize) -> (&R, &R, bool) {
            (&self.0[k], &self.1[k], false)
        }
        fn set(&mut self, k: usize, sum: &R) {
            self.0[k] = *sum;
        }
    }
    add_all::<G>(path, &mut Each(&mut sums[..addends.len()], addends));
}

/// Doubles every row, for curves with a = 0, which both are; one inversion in all.
pub fn double_each<G: Curve>(path: Path, rows: &mut [G::Row]) {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Ifma(token) => {
            // SAFETY: the token proves that this machine has the instructions `double_each` is compiled for.
            #[allow(unsafe_code)]
            unsafe {
                ifma::double_each::<G>(token, rows);
            }
        }
        _ => scalar::double_each::<G>(rows),
    }
}
