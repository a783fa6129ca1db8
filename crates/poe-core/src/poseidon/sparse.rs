//! The same permutation with fewer products: partial rounds by sparse matrices.
//!
//! "Poseidon" (eprint 2019/458), appendix B. Two rewritings, neither of which changes the result:
//! - What a partial round adds to elements 1.. passes its S-box untouched, so it is moved behind the round's
//!   matrix, round after round, and only element 0 gets a constant.
//! - A matrix D = [[d, v], [w, H]] is P·Q with P = [[d, v·H⁻¹], [w, I]] and Q = diag(1, H). Q commutes with
//!   an S-box on element 0, so it joins the matrix of the round before; from the last partial round to the first
//!   each leaves a sparse P, and the full round ahead of them takes what is left.

use ark_ff::{AdditiveGroup, Field};

use super::{FULL_ROUNDS, Parameters};
use crate::field::Fr;

/// What the permutation asks of its elements: one of them, or eight side by side.
pub trait Element: Copy {
    /// A constant of the schedule in the form that this element computes with.
    type Constant: Copy;
    fn add_constant(self, constant: &Self::Constant) -> Self;
    fn fifth_power(self) -> Self;
    /// `Σ row[i]·elements[i]`.
    fn dot<const WIDTH: usize>(row: &[Self::Constant; WIDTH], elements: &[Self; WIDTH]) -> Self;
    /// `self + factor·other`.
    fn add_multiple(self, factor: &Self::Constant, other: Self) -> Self;
    /// The same value: the place for delayed reductions. Called on what goes into an S-box, and on every element
    /// each `SETTLE_ROUNDS` partial rounds.
    fn settled(self) -> Self;
}

/// Partial rounds between two calls of [`Element::settled`].
const SETTLE_ROUNDS: usize = 16;

/// One partial round: `x0 += constant; x0 = x0^5; x = P·x`.
#[derive(Debug, Clone)]
struct Partial<C, const WIDTH: usize> {
    constant: C,
    /// The first row of P.
    row: [C; WIDTH],
    /// The first column of P; its entry 0 repeats the row's.
    column: [C; WIDTH],
}

/// The rewritten constants of one width.
#[derive(Debug, Clone)]
pub struct Schedule<C, const WIDTH: usize> {
    /// Constants of the full rounds, those before the partial ones first.
    full: Vec<[C; WIDTH]>,
    partial: Vec<Partial<C, WIDTH>>,
    matrix: [[C; WIDTH]; WIDTH],
    /// The matrix of the last full round ahead of the partial ones.
    joined: [[C; WIDTH]; WIDTH],
}

impl<const WIDTH: usize> Schedule<Fr, WIDTH> {
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

    /// The same schedule with its constants in another form.
    pub fn map<C: Copy>(&self, form: impl Fn(Fr) -> C) -> Schedule<C, WIDTH> {
        let each = |row: &[Fr; WIDTH]| row.map(&form);
        let matrix = |rows: &[[Fr; WIDTH]; WIDTH]| std::array::from_fn(|i| each(&rows[i]));
        let partial = |round: &Partial<Fr, WIDTH>| Partial {
            constant: form(round.constant),
            row: each(&round.row),
            column: each(&round.column),
        };
        Schedule {
            full: self.full.iter().map(each).collect(),
            partial: self.partial.iter().map(partial).collect(),
            matrix: matrix(&self.matrix),
            joined: matrix(&self.joined),
        }
    }
}

impl<C: Copy, const WIDTH: usize> Schedule<C, WIDTH> {
    /// Applies the permutation in place.
    #[inline(always)]
    pub fn permute<E: Element<Constant = C>>(&self, state: &mut [E; WIDTH]) {
        let (before, after) = self.full.split_at(FULL_ROUNDS / 2);
        for (round, constants) in before.iter().enumerate() {
            let is_last = round + 1 == before.len();
            full_round(state, constants, if is_last { &self.joined } else { &self.matrix });
        }
        for (round, partial) in self.partial.iter().enumerate() {
            partial_round(state, partial);
            if round % SETTLE_ROUNDS == SETTLE_ROUNDS - 1 {
                state.iter_mut().for_each(|element| *element = element.settled());
            }
        }
        for constants in after {
            full_round(state, constants, &self.matrix);
        }
    }
}

#[inline(always)]
fn full_round<E: Element, const WIDTH: usize>(
    state: &mut [E; WIDTH],
    constants: &[E::Constant; WIDTH],
    matrix: &[[E::Constant; WIDTH]; WIDTH],
) {
    for (element, constant) in state.iter_mut().zip(constants) {
        *element = element.settled().add_constant(constant).fifth_power();
    }
    let before = *state;
    for (element, row) in state.iter_mut().zip(matrix) {
        *element = E::dot(row, &before);
    }
}

#[inline(always)]
fn partial_round<E: Element, const WIDTH: usize>(
    state: &mut [E; WIDTH],
    round: &Partial<E::Constant, WIDTH>,
) {
    let first = state[0].settled().add_constant(&round.constant).fifth_power();
    state[0] = first;
    let sum = E::dot(&round.row, state);
    for (element, factor) in state.iter_mut().zip(&round.column).skip(1) {
        *element = element.add_multiple(factor, first);
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

impl Element for Fr {
    type Constant = Fr;

    #[inline(always)]
    fn add_constant(self, constant: &Fr) -> Self {
        self + constant
    }

    #[inline(always)]
    fn fifth_power(self) -> Self {
        self.square().square() * self
    }

    #[inline(always)]
    fn dot<const WIDTH: usize>(row: &[Fr; WIDTH], elements: &[Self; WIDTH]) -> Self {
        Fr::sum_of_products(row, elements)
    }

    #[inline(always)]
    fn add_multiple(self, factor: &Fr, other: Self) -> Self {
        self + *factor * other
    }

    #[inline(always)]
    fn settled(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{super::parameters, *};

    /// The plain permutation, straight from the definition.
    fn plain<const WIDTH: usize>(state: &mut [Fr; WIDTH]) {
        super::super::permute(parameters(WIDTH).expect("a known width"), state);
    }

    fn agrees<const WIDTH: usize>() {
        let schedule = Schedule::<Fr, WIDTH>::new(parameters(WIDTH).expect("a known width")).expect("regular");
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
