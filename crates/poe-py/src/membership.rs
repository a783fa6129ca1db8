//! The membership circuit, its keys and proofs.

use std::path::PathBuf;

use poe_core::{
    groth16::{
        keys,
        membership::{self, ProveMembershipError},
    },
    membership::{Membership, MembershipError},
};
use pyo3::{prelude::*, types::PyBytes};

use crate::{
    border::{element_bytes, run},
    proofs::{CircuitTuple, circuit_tuple},
};

#[pyfunction]
pub fn membership_circuit_info<'py>(py: Python<'py>, depth: usize) -> PyResult<CircuitTuple<'py>> {
    let info = run(py, || keys::membership_circuit_info(depth))?;
    Ok(circuit_tuple(py, &info))
}

#[pyfunction]
pub fn setup_dev_membership_key(py: Python<'_>, depth: usize, path: PathBuf) -> PyResult<()> {
    run(py, || keys::setup_dev_membership_key(depth, &path))
}

/// A membership circuit's proving key, in memory.
#[pyclass(frozen, module = "poe._core")]
pub struct MembershipKey {
    inner: membership::MembershipKey,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Membership(#[from] MembershipError),
    #[error(transparent)]
    Prove(#[from] ProveMembershipError),
}

/// Root, account · 2^160 + exit address, balance; the proof's bytes.
type ProofTuple<'py> = (Vec<Bound<'py, PyBytes>>, Bound<'py, PyBytes>);

#[pymethods]
impl MembershipKey {
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(Self { inner: run(py, || membership::MembershipKey::load(&path))? })
    }

    #[getter]
    fn depth(&self) -> usize {
        self.inner.circuit().depth
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

    fn prove<'py>(&self, py: Python<'py>, membership: &[u8], threads: usize) -> PyResult<ProofTuple<'py>> {
        let result = run(py, || {
            let membership = Membership::from_bytes(membership)?;
            Ok::<_, Failure>(membership::prove_membership(&self.inner, &membership, threads)?)
        })?;
        let public = result.public.iter().map(|element| element_bytes(py, element)).collect();
        Ok((public, PyBytes::new(py, &result.proof)))
    }
}
