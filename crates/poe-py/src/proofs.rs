//! Keys and proofs.

use std::path::PathBuf;

use poe_core::{
    field::{FieldError, WORD_BYTES},
    groth16::{
        batch::{self, ProveError},
        keys, verifier,
    },
    trace::{BatchTrace, TraceError},
};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

use crate::border::{element, element_bytes, run};

/// (constraints, wires, public inputs, circuit hash).
pub type CircuitTuple<'py> = (usize, usize, usize, Bound<'py, PyBytes>);

#[pyfunction]
pub fn circuit_info<'py>(py: Python<'py>, slots: usize, depth: usize) -> PyResult<CircuitTuple<'py>> {
    let info = run(py, || keys::circuit_info(slots, depth))?;
    Ok(circuit_tuple(py, &info))
}

pub fn circuit_tuple<'py>(py: Python<'py>, info: &keys::CircuitInfo) -> CircuitTuple<'py> {
    (info.constraints, info.wires, info.public_inputs, PyBytes::new(py, &info.hash))
}

#[pyfunction]
pub fn setup_dev_key(py: Python<'_>, slots: usize, depth: usize, path: PathBuf) -> PyResult<()> {
    run(py, || keys::setup_dev_key(slots, depth, &path))
}

/// Slots and depth of the circuit that a key file says it is for; 0 slots for the membership circuit.
#[pyfunction]
pub fn key_file_circuit(py: Python<'_>, path: PathBuf) -> PyResult<(usize, usize)> {
    Ok(run(py, || keys::claimed_numbers(&path))?.into())
}

#[pyfunction]
pub fn verify_proof(
    py: Python<'_>,
    verifying_key_words: &[u8],
    public_inputs: Vec<PyBackedBytes>,
    proof: &[u8],
) -> PyResult<()> {
    let inputs =
        public_inputs.iter().map(|bytes| element("public input", bytes)).collect::<PyResult<Vec<_>>>()?;
    run(py, || verifier::verify_proof(verifying_key_words, &inputs, proof))
}

/// A proof, its public inputs, and how long its parts took.
#[pyclass(frozen, get_all, module = "poe._core")]
pub struct ProofResult {
    commitment: Py<PyBytes>,
    x: Py<PyBytes>,
    y: Py<PyBytes>,
    /// 256 bytes: eight words as docs/protocol.md, section 6.
    proof: Py<PyBytes>,
    witness_seconds: f64,
    prove_seconds: f64,
    verify_seconds: f64,
}

/// A batch circuit's proving key, in memory.
#[pyclass(frozen, module = "poe._core")]
pub struct ProvingKey {
    inner: keys::ProvingKey,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("statement: {0}")]
    Statement(#[from] FieldError),
    #[error(transparent)]
    Prove(#[from] ProveError),
}

#[pymethods]
impl ProvingKey {
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(Self { inner: run(py, || keys::ProvingKey::load(&path))? })
    }

    #[getter]
    fn slots(&self) -> usize {
        self.inner.slots()
    }

    #[getter]
    fn depth(&self) -> usize {
        self.inner.depth()
    }

    #[getter]
    fn circuit_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.inner.circuit_hash())
    }

    #[getter]
    fn constraints(&self) -> usize {
        self.inner.constraints()
    }

    #[getter]
    fn wires(&self) -> usize {
        self.inner.wires()
    }

    #[getter]
    fn provenance(&self) -> &str {
        self.inner.provenance()
    }

    fn verifying_key_words<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.inner.verifying_key_words().as_flattened())
    }

    fn prove(&self, py: Python<'_>, trace: &[u8], statement: &[u8], threads: usize) -> PyResult<ProofResult> {
        let result = run(py, || {
            let trace = BatchTrace::from_bytes(trace)?;
            let (words, rest) = statement.as_chunks::<WORD_BYTES>();
            if !rest.is_empty() {
                return Err(FieldError::Length { got: rest.len() }.into());
            }
            Ok::<_, Failure>(batch::prove_batch(&self.inner, &trace, words, threads)?)
        })?;
        Ok(ProofResult {
            commitment: element_bytes(py, &result.commitment).unbind(),
            x: element_bytes(py, &result.x).unbind(),
            y: element_bytes(py, &result.y).unbind(),
            proof: PyBytes::new(py, &result.proof).unbind(),
            witness_seconds: result.witness_seconds,
            prove_seconds: result.prove_seconds,
            verify_seconds: result.verify_seconds,
        })
    }
}
