//! Poseidon over BN254's scalar field with circomlib's parameters.
//!
//! Grassi, Khovratovich, Rechberger, Roy, Schofnegger, "Poseidon: A New Hash Function for Zero-Knowledge
//! Proof Systems" (USENIX Security 2021), section 4 for the permutation, appendix E for the Grain LFSR that
//! the constants come from. Width t = inputs + 1, S-box x^5, the result is the first state element.

mod many;
mod sparse;

use std::sync::{LazyLock, OnceLock};

use ark_ff::{AdditiveGroup, BigInteger256, Field, PrimeField};

use crate::field::Fr;

/// Full rounds, half before and half after the partial ones.
pub const FULL_ROUNDS: usize = 8;
/// Narrowest and widest permutation.
pub const MIN_WIDTH: usize = 2;
pub const MAX_WIDTH: usize = 17;
/// Most inputs of one hash.
pub const MAX_INPUTS: usize = MAX_WIDTH - 1;
/// Partial rounds of widths 2..=17.
const PARTIAL_ROUNDS: [usize; MAX_INPUTS] = [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68];
const FIELD_BITS: usize = 254;

pub use many::{hash2_many, hash4_many, hash5_chunk, hash5_many};
use sparse::Schedule;

/// Why there is no hash of these inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoseidonError {
    #[error("Poseidon takes 1 to 16 inputs, got {got}")]
    InputCount { got: usize },
}

/// The constants of one width.
#[derive(Debug)]
pub struct Parameters {
    width: usize,
    partial_rounds: usize,
    round_constants: Vec<Fr>,
    mds: Vec<Fr>,
}

impl Parameters {
    /// State elements.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rounds whose S-box acts on the first state element alone.
    pub fn partial_rounds(&self) -> usize {
        self.partial_rounds
    }

    /// All rounds.
    pub fn rounds(&self) -> usize {
        FULL_ROUNDS + self.partial_rounds
    }

    /// Whether a round's S-box acts on every state element.
    pub fn is_full(&self, round: usize) -> bool {
        let half = FULL_ROUNDS / 2;
        round < half || round >= half + self.partial_rounds
    }

    /// The `width` constants added at the start of a round.
    pub fn round_constants(&self, round: usize) -> &[Fr] {
        &self.round_constants[round * self.width..(round + 1) * self.width]
    }

    /// Row `row` of the MDS matrix: `new_state[row] = Σ mds_row(row)[j] · state[j]`.
    pub fn mds_row(&self, row: usize) -> &[Fr] {
        &self.mds[row * self.width..(row + 1) * self.width]
    }

    fn generate(width: usize) -> Self {
        let partial_rounds = PARTIAL_ROUNDS[width - MIN_WIDTH];
        let mut grain = Grain::new(width, partial_rounds);
        let count = (FULL_ROUNDS + partial_rounds) * width;
        let round_constants = (0..count).map(|_| grain.next_below_order()).collect();
        let mds = grain.cauchy_matrix(width);
        Self { width, partial_rounds, round_constants, mds }
    }
}

static TABLES: [OnceLock<Parameters>; MAX_INPUTS] = [const { OnceLock::new() }; MAX_INPUTS];

/// The constants of a width from 2 to 17, made once; `None` outside.
pub fn parameters(width: usize) -> Option<&'static Parameters> {
    let table = TABLES.get(width.checked_sub(MIN_WIDTH)?)?;
    Some(table.get_or_init(|| Parameters::generate(width)))
}

/// Poseidon of 1 to 16 inputs.
pub fn hash(inputs: &[Fr]) -> Result<Fr, PoseidonError> {
    macro_rules! by_length {
        ($($length:literal)*) => {
            match inputs.len() {
                $($length => Ok(digest::<{ $length + 1 }>(inputs)),)*
                got => Err(PoseidonError::InputCount { got }),
            }
        };
    }
    by_length!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
}

/// Poseidon of exactly 2 inputs.
pub fn hash2(inputs: [Fr; 2]) -> Fr {
    digest_by(&SCHEDULE_2, &inputs)
}

/// Poseidon of exactly 4 inputs: a node of the tree.
pub fn hash4(inputs: [Fr; 4]) -> Fr {
    digest_by(&SCHEDULE_4, &inputs)
}

/// Poseidon of exactly 5 inputs: a leaf of the tree, a signature's challenge.
pub fn hash5(inputs: [Fr; 5]) -> Fr {
    digest_by(&SCHEDULE_5, &inputs)
}

/// Poseidon of exactly 16 inputs: a step of the commitment chain.
pub fn hash16(inputs: [Fr; 16]) -> Fr {
    digest_by(&SCHEDULE_16, &inputs)
}

static SCHEDULE_2: LazyLock<Option<Schedule<3>>> = LazyLock::new(schedule);
static SCHEDULE_4: LazyLock<Option<Schedule<5>>> = LazyLock::new(schedule);
static SCHEDULE_5: LazyLock<Option<Schedule<6>>> = LazyLock::new(schedule);
static SCHEDULE_16: LazyLock<Option<Schedule<17>>> = LazyLock::new(schedule);

fn schedule<const WIDTH: usize>() -> Option<Schedule<WIDTH>> {
    Schedule::new(parameters(WIDTH)?)
}

/// Poseidon by sparse matrices; by the definition if there are none.
fn digest_by<const WIDTH: usize>(schedule: &Option<Schedule<WIDTH>>, inputs: &[Fr]) -> Fr {
    let Some(schedule) = schedule else {
        return digest::<WIDTH>(inputs);
    };
    let mut state = [Fr::ZERO; WIDTH];
    state[1..].copy_from_slice(inputs);
    schedule.permute(&mut state);
    state[0]
}

/// Poseidon of `WIDTH - 1` inputs, as the definition has it.
fn digest<const WIDTH: usize>(inputs: &[Fr]) -> Fr {
    let parameters = TABLES[WIDTH - MIN_WIDTH].get_or_init(|| Parameters::generate(WIDTH));
    let mut state = [Fr::ZERO; WIDTH];
    state[1..].copy_from_slice(inputs);
    permute(parameters, &mut state);
    state[0]
}

fn permute<const WIDTH: usize>(parameters: &Parameters, state: &mut [Fr; WIDTH]) {
    let (constants, _) = parameters.round_constants.as_chunks::<WIDTH>();
    let (rows, _) = parameters.mds.as_chunks::<WIDTH>();
    for (round, constants) in constants.iter().enumerate() {
        state.iter_mut().zip(constants).for_each(|(element, constant)| *element += constant);
        let boxes = if parameters.is_full(round) { WIDTH } else { 1 };
        state[..boxes].iter_mut().for_each(|element| *element = fifth_power(*element));
        let before = *state;
        state.iter_mut().zip(rows).for_each(|(element, row)| *element = Fr::sum_of_products(row, &before));
    }
}

fn fifth_power(value: Fr) -> Fr {
    value.square().square() * value
}

/// The self-shrinking 80-bit Grain LFSR (appendix E).
struct Grain {
    bits: [bool; 80],
    position: usize,
}

impl Grain {
    /// Seeded by field kind (2 bits, prime), S-box (4 bits, x^alpha), n, t, R_F, R_P, thirty ones.
    fn new(width: usize, partial_rounds: usize) -> Self {
        let fields = [(1, 2), (0, 4), (FIELD_BITS, 12), (width, 12), (FULL_ROUNDS, 10), (partial_rounds, 10)];
        let mut bits = [true; 80];
        let seed = fields.iter().flat_map(|&(value, size)| (0..size).rev().map(move |i| value >> i & 1 == 1));
        bits.iter_mut().zip(seed).for_each(|(bit, seeded)| *bit = seeded);
        let mut grain = Self { bits, position: 0 };
        (0..160).for_each(|_| {
            grain.step();
        });
        grain
    }

    fn step(&mut self) -> bool {
        let tap = |offset: usize| self.bits[(self.position + offset) % 80];
        let bit = tap(62) ^ tap(51) ^ tap(38) ^ tap(23) ^ tap(13) ^ tap(0);
        self.bits[self.position] = bit;
        self.position = (self.position + 1) % 80;
        bit
    }

    /// Bits come in pairs; the second counts if the first is one.
    fn next_bit(&mut self) -> bool {
        while !self.step() {
            self.step();
        }
        self.step()
    }

    fn next_integer(&mut self) -> BigInteger256 {
        let mut limbs = [0u64; 4];
        for i in (0..FIELD_BITS).rev() {
            limbs[i / 64] |= u64::from(self.next_bit()) << (i % 64);
        }
        BigInteger256::new(limbs)
    }

    fn next_below_order(&mut self) -> Fr {
        loop {
            if let Some(value) = Fr::from_bigint(self.next_integer()) {
                return value;
            }
        }
    }

    /// Unlike round constants, the matrix's seeds are reduced, not rejected.
    fn next_reduced(&mut self) -> Fr {
        let mut value = self.next_integer();
        while value >= Fr::MODULUS {
            ark_ff::BigInteger::sub_with_borrow(&mut value, &Fr::MODULUS);
        }
        Fr::from_bigint(value).unwrap_or(Fr::ZERO)
    }

    /// `M[i][j] = 1 / (x_i + y_j)`, redrawn until all x and y differ and no sum vanishes.
    fn cauchy_matrix(&mut self, width: usize) -> Vec<Fr> {
        loop {
            let seeds: Vec<Fr> = (0..2 * width).map(|_| self.next_reduced()).collect();
            let distinct = (1..seeds.len()).all(|i| !seeds[..i].contains(&seeds[i]));
            let (xs, ys) = seeds.split_at(width);
            let entries = xs.iter().flat_map(|x| ys.iter().map(move |y| (*x + y).inverse()));
            if let (true, Some(matrix)) = (distinct, entries.collect()) {
                return matrix;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Fr {
        text.parse().expect("a decimal field element")
    }

    #[test]
    fn known_answers_of_one_and_two_inputs() {
        let of_one = "18586133768512220936620570745912940619677854269274689475585506675881198879027";
        let of_two = "7853200120776062878684798364095072458815029376092732009249414926327459813530";
        assert_eq!(hash(&[Fr::ONE]), Ok(decimal(of_one)));
        assert_eq!(hash(&[Fr::ONE, Fr::from(2u64)]), Ok(decimal(of_two)));
    }

    #[test]
    fn fixed_widths_agree_with_the_general_hash() {
        let inputs: Vec<Fr> = (1..=16u64).map(Fr::from).collect();
        let first = |n: usize| hash(&inputs[..n]).expect("within 16 inputs");
        assert_eq!(hash2(std::array::from_fn(|i| inputs[i])), first(2));
        assert_eq!(hash4(std::array::from_fn(|i| inputs[i])), first(4));
        assert_eq!(hash5(std::array::from_fn(|i| inputs[i])), first(5));
        assert_eq!(hash16(std::array::from_fn(|i| inputs[i])), first(16));
    }

    #[test]
    fn input_counts_outside_one_to_sixteen_are_refused() {
        assert_eq!(hash(&[]), Err(PoseidonError::InputCount { got: 0 }));
        assert_eq!(hash(&[Fr::ONE; 17]), Err(PoseidonError::InputCount { got: 17 }));
        assert!(parameters(1).is_none() && parameters(18).is_none() && parameters(0).is_none());
    }
}
