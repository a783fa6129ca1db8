//! Keys and proofs.

use std::path::PathBuf;

use poe_core::{
    field::{FieldError, WORD_BYTES},
    groth16::{
        batch::{self, ProveError},
        engine::{Path, Stop},
        keys::{self, KeyError},
        prepared::{PrepareError, PreparedKey},
        verifier::Verifier,
    },
    trace::{BatchTrace, TraceError},
};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

use crate::border::{Stopped, element, element_bytes, run};

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

/// A verifying key, prepared.
#[pyclass(frozen, module = "poe._core")]
pub struct VerifyingKey {
    inner: Verifier,
}

#[pymethods]
impl VerifyingKey {
    #[new]
    fn new(py: Python<'_>, words: &[u8], public_inputs: usize) -> PyResult<Self> {
        Ok(Self { inner: run(py, || Verifier::from_bytes(words, public_inputs))? })
    }

    fn verify(&self, py: Python<'_>, public_inputs: Vec<PyBackedBytes>, proof: &[u8]) -> PyResult<()> {
        let inputs =
            public_inputs.iter().map(|bytes| element("public input", bytes)).collect::<PyResult<Vec<_>>>()?;
        run(py, || self.inner.verify_bytes(&inputs, proof))
    }
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

/// Ends a proof from another thread.
#[pyclass(frozen, module = "poe._core")]
#[derive(Default)]
pub struct StopFlag {
    inner: Stop,
}

#[pymethods]
impl StopFlag {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn set(&self) {
        self.inner.set();
    }
}

/// Names of the arithmetics that this machine can run, the fastest first.
#[pyfunction]
pub fn arithmetics() -> Vec<&'static str> {
    Path::all().into_iter().map(Path::name).collect()
}

/// A batch circuit's proving key: plain, or ready to prove fast.
#[pyclass(frozen, module = "poe._core")]
pub struct ProvingKey {
    inner: Key,
}

enum Key {
    Plain(Box<keys::ProvingKey>),
    Prepared(Box<PreparedKey>),
}

impl ProvingKey {
    fn prepared(&self) -> Option<&PreparedKey> {
        match &self.inner {
            Key::Plain(_) => None,
            Key::Prepared(key) => Some(key),
        }
    }
}

/// The same question to either kind of key.
macro_rules! ask {
    ($key:expr, $plain:ident => $of_plain:expr, $prepared:ident => $of_prepared:expr) => {
        match &$key.inner {
            Key::Plain($plain) => $of_plain,
            Key::Prepared($prepared) => $of_prepared,
        }
    };
}

#[derive(Debug, thiserror::Error)]
enum LoadFailure {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Prepare(#[from] PrepareError),
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
    #[pyo3(signature = (path, *, tables = None, arithmetic = "auto", threads = 1))]
    fn load(
        py: Python<'_>,
        path: PathBuf,
        tables: Option<&str>,
        arithmetic: &str,
        threads: usize,
    ) -> PyResult<Self> {
        let inner = run(py, || match tables {
            None => Ok::<_, LoadFailure>(Key::Plain(Box::new(keys::ProvingKey::load(&path)?))),
            Some(tables) => {
                let key = PreparedKey::open(&path, tables, arithmetic, threads)?;
                Ok(Key::Prepared(Box::new(key)))
            }
        })?;
        Ok(Self { inner })
    }

    /// "ifma" or "scalar"; None for a plain key.
    #[getter]
    fn arithmetic(&self) -> Option<&'static str> {
        self.prepared().map(|key| key.machine().path().name())
    }

    /// "full" or "small"; None for a plain key.
    #[getter]
    fn tables(&self) -> Option<&'static str> {
        self.prepared().map(|key| key.machine().tables().size().name())
    }

    /// Bytes of tables that proving reads.
    #[getter]
    fn table_bytes(&self) -> usize {
        self.prepared().map_or(0, |key| key.machine().tables().size_bytes())
    }

    /// Whether the tables are a mapped file, which all processes share, rather than memory of this one.
    #[getter]
    fn is_mapped(&self) -> bool {
        self.prepared().is_some_and(|key| key.machine().tables().is_mapped())
    }

    #[getter]
    fn slots(&self) -> usize {
        ask!(self, plain => plain.slots(), key => key.slots())
    }

    #[getter]
    fn depth(&self) -> usize {
        ask!(self, plain => plain.depth(), key => key.depth())
    }

    #[getter]
    fn circuit_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &ask!(self, plain => plain.circuit_hash(), key => key.circuit_hash()))
    }

    #[getter]
    fn constraints(&self) -> usize {
        ask!(self, plain => plain.constraints(), key => key.machine().tables().circuit().constraints)
    }

    #[getter]
    fn wires(&self) -> usize {
        ask!(self, plain => plain.wires(), key => key.machine().tables().circuit().wires)
    }

    #[getter]
    fn provenance(&self) -> &str {
        ask!(self, plain => plain.provenance(), key => key.provenance())
    }

    fn verifying_key_words<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let words = ask!(
            self,
            plain => plain.verifying_key_words().to_vec(),
            key => key.verifying_key().to_words()
        );
        PyBytes::new(py, words.as_flattened())
    }

    #[pyo3(signature = (trace, statement, threads, stop = None))]
    fn prove(
        &self,
        py: Python<'_>,
        trace: &[u8],
        statement: &[u8],
        threads: usize,
        stop: Option<&StopFlag>,
    ) -> PyResult<ProofResult> {
        let stop = stop.map(|flag| flag.inner.clone()).unwrap_or_default();
        let proven = run(py, || {
            let trace = BatchTrace::from_bytes(trace)?;
            let (words, rest) = statement.as_chunks::<WORD_BYTES>();
            if !rest.is_empty() {
                return Err(FieldError::Length { got: rest.len() }.into());
            }
            let proven = ask!(
                self,
                plain => batch::prove_batch(plain, &trace, words, threads),
                key => key.prove_batch(&trace, words, threads, &stop)
            );
            match proven {
                Err(ProveError::Stopped(_)) => Ok(None),
                other => Ok::<_, Failure>(Some(other?)),
            }
        })?;
        let result = proven.ok_or_else(|| Stopped::new_err("stopped"))?;
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
