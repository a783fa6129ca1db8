//! Sparse matrices times vectors, on all threads.
//!
//! Rows are sorted by length and taken eight at a time, a lane each, so that lanes have about as much to do (sliced
//! ELLPACK). A circuit has few distinct coefficients: entries name them by number.

use std::collections::HashMap;

use ark_ff::{AdditiveGroup, BigInteger256, Field, PrimeField};
use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use super::field::{FrLanes, Ifma};
use super::{
    field::Path,
    stop::{Stop, Stopped},
};
use crate::{circuit::r1cs::Matrix, field::Fr};

const LANES: usize = 8;
/// Groups of eight rows between two looks at the flag: 0.2 ms of a circuit's short rows.
const TASK_GROUPS: usize = 64;
const TASK_ROWS: usize = LANES * TASK_GROUPS;
/// Steps after which a sum of products, each below 2p, is reduced again.
#[cfg(target_arch = "x86_64")]
const STEPS_UNREDUCED: usize = 32;
/// Numbers of the coefficients that need no product; zero fills lanes whose row is shorter than its group.
const ZERO: u32 = 0;
const ONE: u32 = 1;
const MINUS_ONE: u32 = 2;

/// Wire and coefficient, of eight rows.
type Step = [[u32; 2]; LANES];

/// A matrix prepared for products.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sparse {
    /// Where each row went: group times eight and lane.
    positions: Vec<u32>,
    /// Steps before each group, and in the end all of them.
    starts: Vec<u32>,
    steps: Vec<Step>,
    coefficients: Vec<Fr>,
}

impl Sparse {
    pub fn new(matrix: &Matrix) -> Self {
        let mut rows: Vec<u32> = (0..matrix.rows() as u32).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(matrix.row(*row as usize).len()));
        let mut numbers: HashMap<Fr, u32> = HashMap::new();
        let mut coefficients = vec![Fr::ZERO, Fr::ONE, -Fr::ONE];
        coefficients.iter().zip(0..).for_each(|(coefficient, number)| {
            numbers.insert(*coefficient, number);
        });
        let mut number_of = |coefficient: Fr| {
            *numbers.entry(coefficient).or_insert_with(|| {
                coefficients.push(coefficient);
                coefficients.len() as u32 - 1
            })
        };
        let (mut positions, mut starts, mut steps) = (vec![0; rows.len()], vec![0], vec![]);
        for (group, rows) in rows.chunks(LANES).enumerate() {
            let first = steps.len();
            steps.resize(first + matrix.row(rows[0] as usize).len(), [[0, ZERO]; LANES]);
            for (lane, row) in rows.iter().enumerate() {
                positions[*row as usize] = (group * LANES + lane) as u32;
                for (step, (wire, coefficient)) in steps[first..].iter_mut().zip(matrix.row(*row as usize)) {
                    step[lane] = [wire, number_of(coefficient)];
                }
            }
            starts.push(steps.len() as u32);
        }
        Self { positions, starts, steps, coefficients }
    }

    pub fn rows(&self) -> usize {
        self.positions.len()
    }

    /// Each row's product with `values`, and zeros up to `size` entries, at least one a row.
    pub fn product(&self, values: &[Fr], size: usize, path: Path, stop: &Stop) -> Result<Vec<Fr>, Stopped> {
        assert!(size >= self.rows(), "no room for the rows");
        let mut sums = vec![[Fr::ZERO; LANES]; self.starts.len() - 1];
        sums.par_chunks_mut(TASK_GROUPS).enumerate().try_for_each(|(task, sums)| {
            stop.check()?;
            let starts = &self.starts[task * TASK_GROUPS..][..sums.len() + 1];
            match path {
                // SAFETY: the token proves that the instructions exist.
                #[cfg(target_arch = "x86_64")]
                #[allow(unsafe_code)]
                Path::Ifma(token) => unsafe { self.sum_lanes(token, values, starts, sums) },
                _ => self.sum_each(values, starts, sums),
            }
            Ok(())
        })?;
        let sums = sums.as_flattened();
        let mut products = vec![Fr::ZERO; size];
        let tasks = products.par_chunks_mut(TASK_ROWS).zip(self.positions.par_chunks(TASK_ROWS));
        tasks.try_for_each(|(products, positions)| {
            stop.check()?;
            products.iter_mut().zip(positions).for_each(|(product, at)| *product = sums[*at as usize]);
            Ok(())
        })?;
        Ok(products)
    }

    /// Sums of groups with these starts, eight rows at a time.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512ifma,avx512vbmi2")]
    fn sum_lanes(&self, token: Ifma, values: &[Fr], starts: &[u32], sums: &mut [[Fr; LANES]]) {
        // Products of two values in arkworks' form fall short of it by 2^4: once more for the sum.
        let form = FrLanes::splat_wide(token, Fr::from(16u64));
        for (bounds, out) in starts.windows(2).zip(sums) {
            let mut sum = FrLanes::zero(token);
            for steps in self.steps[bounds[0] as usize..bounds[1] as usize].chunks(STEPS_UNREDUCED) {
                for step in steps {
                    let wires = step.each_ref().map(|[wire, _]| &values[*wire as usize].0.0);
                    let numbers = step.each_ref().map(|[_, number]| &self.coefficients[*number as usize].0.0);
                    sum = sum.add(FrLanes::load(token, wires).mul(FrLanes::load(token, numbers)));
                }
                sum = sum.reduced();
            }
            sum.mul(form).canonical().store_elements(token, out);
        }
    }

    /// Sums of groups with these starts, one product at a time.
    fn sum_each(&self, values: &[Fr], starts: &[u32], sums: &mut [[Fr; LANES]]) {
        for (bounds, out) in starts.windows(2).zip(sums) {
            for step in &self.steps[bounds[0] as usize..bounds[1] as usize] {
                for ([wire, number], sum) in step.iter().zip(out.iter_mut()) {
                    let value = &values[*wire as usize];
                    match *number {
                        ZERO => (),
                        ONE => *sum += value,
                        MINUS_ONE => *sum -= value,
                        other => *sum += self.coefficients[other as usize] * value,
                    }
                }
            }
        }
    }

    /// Counts, positions, starts, steps, coefficients, all as little-endian words of 32 bits.
    pub fn to_bytes(&self) -> Vec<u8> {
        let counts =
            [&self.positions.len(), &(self.starts.len()), &self.steps.len(), &self.coefficients.len()];
        let counts = counts.into_iter().map(|count| *count as u32);
        let words = self.positions.iter().chain(&self.starts).chain(self.steps.as_flattened().as_flattened());
        let mut bytes: Vec<u8> = counts.chain(words.copied()).flat_map(u32::to_le_bytes).collect();
        let coefficients = self.coefficients.iter().flat_map(|value| value.into_bigint().0);
        bytes.extend(coefficients.flat_map(u64::to_le_bytes));
        bytes
    }

    /// What `to_bytes` wrote, for `wires` values; the bytes behind it. `None` if anything in it points outside.
    pub fn from_bytes(bytes: &[u8], wires: usize) -> Option<(Self, &[u8])> {
        let mut rest = bytes;
        let counts = take_words(&mut rest, 4)?;
        let positions = take_words(&mut rest, counts[0] as usize)?;
        let starts = take_words(&mut rest, counts[1] as usize)?;
        let words = take_words(&mut rest, (counts[2] as usize).checked_mul(2 * LANES)?)?;
        let steps: Vec<Step> = words.as_chunks::<2>().0.as_chunks::<LANES>().0.to_vec();
        let words = take_words(&mut rest, (counts[3] as usize).checked_mul(LANES)?)?;
        let element = |words: &[u32; LANES]| {
            let (pairs, _) = words.as_chunks::<2>();
            let limb = |i: usize| u64::from(pairs[i][0]) | u64::from(pairs[i][1]) << 32;
            Fr::from_bigint(BigInteger256::new(std::array::from_fn(limb)))
        };
        let coefficients: Vec<Fr> = words.as_chunks().0.iter().map(element).collect::<Option<_>>()?;
        let sparse = Self { positions, starts, steps, coefficients };
        sparse.is_inside(wires).then_some((sparse, rest))
    }

    fn is_inside(&self, wires: usize) -> bool {
        let groups = self.rows().div_ceil(LANES);
        let is_entry = |[wire, number]: &[u32; 2]| {
            (*wire as usize) < wires && (*number as usize) < self.coefficients.len()
        };
        self.starts.len() == groups + 1
            && self.starts.first() == Some(&0)
            && self.starts.last().is_some_and(|end| *end as usize == self.steps.len())
            && self.starts.is_sorted()
            && self.positions.iter().all(|position| (*position as usize) < groups * LANES)
            && self.coefficients.starts_with(&[Fr::ZERO, Fr::ONE, -Fr::ONE])
            && self.steps.as_flattened().par_iter().with_min_len(1 << 14).all(is_entry)
    }
}

fn take_words(bytes: &mut &[u8], count: usize) -> Option<Vec<u32>> {
    let (taken, rest) = bytes.split_at_checked(count.checked_mul(4)?)?;
    *bytes = rest;
    Some(taken.as_chunks().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::UniformRand;
    use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};

    const WIRES: usize = 97;

    /// Rows of up to five entries and one of a hundred; coefficients among them 0, 1, −1.
    fn matrix(rows: usize) -> Matrix {
        let mut rng = StdRng::seed_from_u64(rows as u64);
        let mut matrix = Matrix::default();
        for row in 0..rows {
            let length = if row == 5 { 100 } else { rng.gen_range(0..=5) };
            for _ in 0..length {
                let coefficients = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::rand(&mut rng)];
                matrix.wires.push(rng.gen_range(0..WIRES as u32));
                matrix.coefficients.push(coefficients[rng.gen_range(0..4)]);
            }
            matrix.starts.push(matrix.wires.len() as u32);
        }
        matrix
    }

    fn random_values() -> Vec<Fr> {
        let mut rng = StdRng::seed_from_u64(1);
        (0..WIRES).map(|_| Fr::rand(&mut rng)).collect()
    }

    #[test]
    fn products_are_the_sums_of_each_row_and_zeros_follow() {
        let extreme = vec![-Fr::ONE; WIRES];
        for values in [random_values(), extreme] {
            for rows in [0, 1, 7, 8, 9, 8 * TASK_GROUPS, 17 * TASK_GROUPS + 1] {
                let matrix = matrix(rows);
                let sums = (0..rows).map(|row| matrix.evaluate(row, &values));
                let wanted: Vec<Fr> = sums.chain([Fr::ZERO; 3]).collect();
                for path in Path::all() {
                    let got = Sparse::new(&matrix).product(&values, rows + 3, path, &Stop::new());
                    assert_eq!(got.as_ref(), Ok(&wanted), "{rows} rows, {}", path.name());
                }
            }
        }
    }

    #[test]
    fn a_set_flag_stops_a_product() {
        let stop = Stop::new();
        stop.set();
        for path in Path::all() {
            let product = Sparse::new(&matrix(10)).product(&random_values(), 16, path, &stop);
            assert_eq!(product, Err(Stopped));
        }
    }

    #[test]
    fn bytes_are_read_back_and_what_follows_is_left() {
        for rows in [0, 1, 50] {
            let sparse = Sparse::new(&matrix(rows));
            let mut bytes = sparse.to_bytes();
            bytes.extend([1, 2, 3]);
            assert_eq!(Sparse::from_bytes(&bytes, WIRES), Some((sparse, &[1, 2, 3][..])));
        }
    }

    #[test]
    fn bytes_that_point_outside_or_end_early_are_no_matrix() {
        let bytes = Sparse::new(&matrix(50)).to_bytes();
        assert!(Sparse::from_bytes(&bytes, WIRES / 2).is_none());
        for length in (0..bytes.len()).step_by(7) {
            assert!(Sparse::from_bytes(&bytes[..length], WIRES).is_none());
        }
        // Of counts, positions and starts every word; 0xff in its highest byte makes it point far outside.
        for word in 0..4 + 50 + 8 {
            let mut bytes = bytes.clone();
            bytes[4 * word + 3] = 0xff;
            assert!(Sparse::from_bytes(&bytes, WIRES).is_none(), "word {word}");
        }
    }
}
