//! Files of snarkjs's formats, and whether a verifying key can be believed.

use std::path::PathBuf;

use poe_core::{
    batch::Word,
    field::{FieldError, WORD_BYTES},
    groth16::keys,
    membership::{Membership, MembershipError},
    snarkjs::{self, ExchangeError},
    trace::{BatchTrace, TraceError},
};
use pyo3::prelude::*;

use crate::border::{run, word};

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("statement: {0}")]
    Statement(#[from] FieldError),
    #[error(transparent)]
    Membership(#[from] MembershipError),
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
}

#[pyfunction]
pub fn export_circuit(
    py: Python<'_>,
    slots: usize,
    depth: usize,
    r1cs_path: PathBuf,
    zkey_path: PathBuf,
) -> PyResult<()> {
    run(py, || snarkjs::export_circuit(slots, depth, &r1cs_path, &zkey_path))
}

#[pyfunction]
pub fn export_phase_one(py: Python<'_>, slots: usize, depth: usize, path: PathBuf) -> PyResult<()> {
    run(py, || snarkjs::export_phase_one(slots, depth, &path))
}

#[pyfunction]
pub fn export_witness(py: Python<'_>, trace: &[u8], statement: &[u8], path: PathBuf) -> PyResult<()> {
    run(py, || {
        let trace = BatchTrace::from_bytes(trace)?;
        let (words, rest) = statement.as_chunks::<WORD_BYTES>();
        if !rest.is_empty() {
            return Err(FieldError::Length { got: rest.len() }.into());
        }
        Ok::<_, Failure>(snarkjs::export_witness(&trace, words, &path)?)
    })
}

#[pyfunction]
pub fn import_zkey(
    py: Python<'_>,
    zkey_path: PathBuf,
    slots: usize,
    depth: usize,
    key_path: PathBuf,
) -> PyResult<()> {
    run(py, || snarkjs::import_zkey(&zkey_path, slots, depth, &key_path))
}

#[pyfunction]
pub fn check_verifying_key(
    py: Python<'_>,
    verifying_key_words: &[u8],
    circuit_hash: &[u8],
    constraints: usize,
) -> PyResult<bool> {
    let hash: Word = word("circuit hash", circuit_hash)?;
    run(py, || keys::check_words(verifying_key_words, &hash, constraints))
}

#[pyfunction]
pub fn export_membership_circuit(
    py: Python<'_>,
    depth: usize,
    r1cs_path: PathBuf,
    zkey_path: PathBuf,
) -> PyResult<()> {
    run(py, || snarkjs::export_membership_circuit(depth, &r1cs_path, &zkey_path))
}

#[pyfunction]
pub fn import_membership_zkey(
    py: Python<'_>,
    zkey_path: PathBuf,
    depth: usize,
    key_path: PathBuf,
) -> PyResult<()> {
    run(py, || snarkjs::import_membership_zkey(&zkey_path, depth, &key_path))
}

#[pyfunction]
pub fn export_membership_phase_one(py: Python<'_>, depth: usize, path: PathBuf) -> PyResult<()> {
    run(py, || snarkjs::export_membership_phase_one(depth, &path))
}

#[pyfunction]
pub fn export_membership_witness(py: Python<'_>, membership: &[u8], path: PathBuf) -> PyResult<()> {
    run(py, || {
        let membership = Membership::from_bytes(membership)?;
        Ok::<_, Failure>(snarkjs::export_membership_witness(&membership, &path)?)
    })
}
