//! The same permutation with fewer products: partial rounds by sparse matrices.
//!
//! "Poseidon" (eprint 2019/458), appendix B. Two rewritings, neither of which changes the result:
//! - What a partial round adds to elements 1.. passes its S-box untouched, so it is moved behind the round's
//!   matrix, round after round, and only element 0 gets a constant.
//! - A matrix D = [[d, v], [w, H]] is P·Q with P = [[d, v·H⁻¹], [w, I]] and Q = diag(1, H). Q commutes with
//!   an S-box on element 0, so it joins the matrix of the round before; from the last partial round to the first
//!   each leaves a sparse P, and the full round ahead of them takes what is left.

use ark_ff::{AdditiveGroup, Field};

use super::{FULL_ROUNDS, Parameters, fifth_power};
use crate::field::Fr;

/// One partial round: `x0 += constant; x0 = x0^5; x = P·x`.
#[derive(Debug, Clone)]
struct Partial<const WIDTH: usize> {
    constant: Fr,
    /// The first row of P.
    row: [Fr; WIDTH],
    /// The first column of P; its entry 0 repeats the row's.
    column: [Fr; WIDTH],
}

/// The rewritten constants of one width.
#[derive(Debug, Clone)]
pub struct Schedule<const WIDTH: usize> {
    /// Constants of the full rounds, those before the partial ones first.
    full: Vec<[Fr; WIDTH]>,
    partial: Vec<Partial<WIDTH>>,
    matrix: [[Fr; WIDTH]; WIDTH],
    /// The matrix of the last full round ahead of the partial ones.
    joined: [[Fr; WIDTH]; WIDTH],
}

impl<const WIDTH: usize> Schedule<WIDTH> {
    /// `None` if a corner H is singular; circomlib's matrices have none that is.
    pub fn new(parameters: &Parameters) -> Option<Self> {
        let (constants, _) = parameters.round_constants.as_chunks::<WIDTH>();
        let (rows, _) = parameters.mds.as_chunks::<WIDTH>();
        let matrix: [[Fr; WIDTH]; WIDTH] = std::array::from_fn(|i| rows[i]);
        let half = FULL_ROUNDS / 2;
        let last = half + parameters.partial_rounds;
        let mut full: Vec<[Fr; WIDTH]> = [&constants[..half], &constants[last..]].concat();
        let (firsts, moved) = move_constants(&constants[half..last], &matrix);
        full[half].iter_mut().zip(moved).for_each(|(constant, moved)| *constant += moved);
        let mut partial = Vec::with_capacity(firsts.len());
        let mut rest = matrix;
        for &constant in firsts.iter().rev() {
            let (row, column, corner) = split(&rest)?;
            partial.push(Partial { constant, row, column });
            rest = multiply(&corner, &matrix);
        }
        partial.reverse();
        Some(Self { full, partial, matrix, joined: rest })
    }

    /// Applies the permutation in place.
    pub fn permute(&self, state: &mut [Fr; WIDTH]) {
        let (before, after) = self.full.split_at(FULL_ROUNDS / 2);
        for (round, constants) in before.iter().enumerate() {
            let is_last = round + 1 == before.len();
            full_round(state, constants, if is_last { &self.joined } else { &self.matrix });
        }
        self.partial.iter().for_each(|partial| partial_round(state, partial));
        after.iter().for_each(|constants| full_round(state, constants, &self.matrix));
    }
}

#[inline(always)]
fn full_round<const WIDTH: usize>(
    state: &mut [Fr; WIDTH],
    constants: &[Fr; WIDTH],
    matrix: &[[Fr; WIDTH]; WIDTH],
) {
    for (element, constant) in state.iter_mut().zip(constants) {
        *element = fifth_power(*element + constant);
    }
    let before = *state;
    for (element, row) in state.iter_mut().zip(matrix) {
        *element = Fr::sum_of_products(row, &before);
    }
}

#[inline(always)]
fn partial_round<const WIDTH: usize>(state: &mut [Fr; WIDTH], round: &Partial<WIDTH>) {
    let first = fifth_power(state[0] + round.constant);
    state[0] = first;
    let sum = Fr::sum_of_products(&round.row, state);
    for (element, factor) in state.iter_mut().zip(&round.column).skip(1) {
        *element += *factor * first;
    }
    state[0] = sum;
}

/// The constants that element 0 keeps in each partial round, and what the full round behind them has to add.
fn move_constants<const WIDTH: usize>(
    constants: &[[Fr; WIDTH]],
    matrix: &[[Fr; WIDTH]; WIDTH],
) -> (Vec<Fr>, [Fr; WIDTH]) {
    let mut moved = [Fr::ZERO; WIDTH];
    let firsts = constants.iter().map(|constants| {
        let mut sum: [Fr; WIDTH] = std::array::from_fn(|i| constants[i] + moved[i]);
        let first = std::mem::replace(&mut sum[0], Fr::ZERO);
        moved = std::array::from_fn(|i| Fr::sum_of_products(&matrix[i], &sum));
        first
    });
    (firsts.collect(), moved)
}

/// The first row and column of P, and Q.
type Split<const WIDTH: usize> = ([Fr; WIDTH], [Fr; WIDTH], [[Fr; WIDTH]; WIDTH]);

/// D = P·Q.
fn split<const WIDTH: usize>(matrix: &[[Fr; WIDTH]; WIDTH]) -> Option<Split<WIDTH>> {
    let mut corner = *matrix;
    corner[0] = [Fr::ZERO; WIDTH];
    corner.iter_mut().for_each(|row| row[0] = Fr::ZERO);
    corner[0][0] = Fr::ONE;
    let inverse = invert(&corner)?;
    let mut row: [Fr; WIDTH] =
        std::array::from_fn(|j| (1..WIDTH).map(|i| matrix[0][i] * inverse[i][j]).sum());
    row[0] = matrix[0][0];
    Some((row, std::array::from_fn(|i| matrix[i][0]), corner))
}

fn multiply<const WIDTH: usize>(a: &[[Fr; WIDTH]; WIDTH], b: &[[Fr; WIDTH]; WIDTH]) -> [[Fr; WIDTH]; WIDTH] {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..WIDTH).map(|k| a[i][k] * b[k][j]).sum()))
}

/// Gauss-Jordan; `None` for a singular matrix.
fn invert<const WIDTH: usize>(matrix: &[[Fr; WIDTH]; WIDTH]) -> Option<[[Fr; WIDTH]; WIDTH]> {
    let mut left = *matrix;
    let mut right: [[Fr; WIDTH]; WIDTH] =
        std::array::from_fn(|i| std::array::from_fn(|j| if i == j { Fr::ONE } else { Fr::ZERO }));
    for column in 0..WIDTH {
        let pivot = (column..WIDTH).find(|&row| left[row][column] != Fr::ZERO)?;
        left.swap(column, pivot);
        right.swap(column, pivot);
        let scale = left[column][column].inverse()?;
        left[column].iter_mut().chain(&mut right[column]).for_each(|entry| *entry *= scale);
        let (from_left, from_right) = (left[column], right[column]);
        for row in (0..WIDTH).filter(|&row| row != column) {
            let factor = left[row][column];
            (0..WIDTH).for_each(|j| left[row][j] -= factor * from_left[j]);
            (0..WIDTH).for_each(|j| right[row][j] -= factor * from_right[j]);
        }
    }
    Some(right)
}

#[cfg(test)]
mod tests {
    use super::{super::parameters, *};

    /// The plain permutation, straight from the definition.
    fn plain<const WIDTH: usize>(state: &mut [Fr; WIDTH]) {
        super::super::permute(parameters(WIDTH).expect("a known width"), state);
    }

    fn agrees<const WIDTH: usize>() {
        let schedule = Schedule::<WIDTH>::new(parameters(WIDTH).expect("a known width")).expect("regular");
        let mut state: [Fr; WIDTH] = std::array::from_fn(|i| -Fr::from(3 * i as u64 + 1));
        for round in 0..20 {
            let mut expected = state;
            plain(&mut expected);
            schedule.permute(&mut state);
            assert_eq!(state, expected, "width {WIDTH}, round {round}");
        }
    }

    #[test]
    fn every_width_permutes_as_the_definition_says() {
        agrees::<2>();
        agrees::<3>();
        agrees::<4>();
        agrees::<5>();
        agrees::<6>();
        agrees::<7>();
        agrees::<8>();
        agrees::<9>();
        agrees::<10>();
        agrees::<11>();
        agrees::<12>();
        agrees::<13>();
        agrees::<14>();
        agrees::<15>();
        agrees::<16>();
        agrees::<17>();
    }

    #[test]
    fn a_singular_matrix_has_no_inverse() {
        let [one, two] = [Fr::ONE, Fr::from(2u64)];
        assert_eq!(invert(&[[one, two], [one, two]]), None);
        assert_eq!(invert(&[[Fr::ZERO, one], [one, Fr::ZERO]]), Some([[Fr::ZERO, one], [one, Fr::ZERO]]));
    }
}
