//! A sparse matrix times a vector, on all threads.

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use super::stop::{Stop, Stopped};
use crate::{circuit::r1cs::Matrix, field::Fr};

/// Rows between two looks at the flag: 0.1 ms of a circuit's short rows.
const TASK_ROWS: usize = 512;

/// Each row's product with `values`, and zeros up to `size` entries, at least one a row.
pub fn product(matrix: &Matrix, values: &[Fr], size: usize, stop: &Stop) -> Result<Vec<Fr>, Stopped> {
    assert!(size >= matrix.rows(), "no room for the rows");
    let mut products = vec![Fr::ZERO; size];
    let tasks = products[..matrix.rows()].par_chunks_mut(TASK_ROWS).enumerate();
    tasks.try_for_each(|(task, out)| {
        for (row, product) in out.iter_mut().enumerate() {
            *product = matrix.evaluate(task * TASK_ROWS + row, values);
        }
        stop.check()
    })?;
    Ok(products)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::{Field, UniformRand};
    use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};

    const WIRES: usize = 97;

    /// Rows of up to five entries, some empty; coefficients among them 0, 1, −1.
    fn matrix(rows: usize) -> (Vec<Vec<(u32, Fr)>>, Matrix) {
        let mut rng = StdRng::seed_from_u64(rows as u64);
        let mut matrix = Matrix::default();
        let mut lists = vec![];
        for _ in 0..rows {
            let length = rng.gen_range(0..=5);
            let coefficients = [Fr::ZERO, Fr::ONE, -Fr::ONE, Fr::rand(&mut rng)];
            let entry = |_| (rng.gen_range(0..WIRES as u32), coefficients[rng.gen_range(0..4)]);
            let list: Vec<(u32, Fr)> = (0..length).map(entry).collect();
            matrix.wires.extend(list.iter().map(|entry| entry.0));
            matrix.coefficients.extend(list.iter().map(|entry| entry.1));
            matrix.starts.push(matrix.wires.len() as u32);
            lists.push(list);
        }
        (lists, matrix)
    }

    fn values() -> Vec<Fr> {
        let mut rng = StdRng::seed_from_u64(1);
        (0..WIRES).map(|_| Fr::rand(&mut rng)).collect()
    }

    #[test]
    fn products_are_the_sums_of_each_row_and_zeros_follow() {
        let values = values();
        for rows in [0, 1, TASK_ROWS - 1, TASK_ROWS, 3 * TASK_ROWS + 1] {
            let (lists, matrix) = matrix(rows);
            let got = product(&matrix, &values, rows + 3, &Stop::new());
            let sums = lists.iter().map(|list| list.iter().map(|(wire, c)| values[*wire as usize] * c).sum());
            let wanted: Vec<Fr> = sums.chain([Fr::ZERO; 3]).collect();
            assert_eq!(got, Ok(wanted));
        }
    }

    #[test]
    fn a_set_flag_stops_a_product() {
        let stop = Stop::new();
        stop.set();
        assert_eq!(product(&matrix(10).1, &values(), 16, &stop), Err(Stopped));
    }
}
