//! Many hashes of one width at once, on all cores.

use rayon::prelude::*;

use super::{hash2, hash4, hash5};
use crate::field::Fr;

/// Hashes of one task: enough to be worth handing to another core.
const TASK_HASHES: usize = 16;

/// [`hash2`] of each, in order.
pub fn hash2_many(inputs: &[[Fr; 2]]) -> Vec<Fr> {
    many(inputs, hash2)
}

/// [`hash4`] of each, in order.
pub fn hash4_many(inputs: &[[Fr; 4]]) -> Vec<Fr> {
    many(inputs, hash4)
}

/// [`hash5`] of each, in order.
pub fn hash5_many(inputs: &[[Fr; 5]]) -> Vec<Fr> {
    many(inputs, hash5)
}

fn many<const INPUTS: usize>(inputs: &[[Fr; INPUTS]], hash: impl Fn([Fr; INPUTS]) -> Fr + Sync) -> Vec<Fr> {
    if inputs.len() <= TASK_HASHES {
        return inputs.iter().map(|inputs| hash(*inputs)).collect();
    }
    inputs.par_iter().with_min_len(TASK_HASHES).map(|inputs| hash(*inputs)).collect()
}

/// [`hash5`] of each, in order, on this core alone: for who has its own tasks.
pub fn hash5_chunk(inputs: &[[Fr; 5]]) -> Vec<Fr> {
    inputs.iter().map(|inputs| hash5(*inputs)).collect()
}
