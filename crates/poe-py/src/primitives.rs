//! Hashes and signatures.

use std::convert::Infallible;

use poe_core::{
    eddsa::{self, Signature, SignedMessage},
    poseidon as core_poseidon,
};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

use crate::border::{element, element_bytes, residue, run, word};

/// A.x, A.y, R8.x, R8.y, S, message: a word each.
type SignatureWords =
    (PyBackedBytes, PyBackedBytes, PyBackedBytes, PyBackedBytes, PyBackedBytes, PyBackedBytes);

type Pair<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>);
type Triple<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

#[pyfunction]
pub fn poseidon<'py>(py: Python<'py>, inputs: Vec<PyBackedBytes>) -> PyResult<Bound<'py, PyBytes>> {
    let inputs = inputs.iter().map(|bytes| element("input", bytes)).collect::<PyResult<Vec<_>>>()?;
    let hash = run(py, || core_poseidon::hash(&inputs))?;
    Ok(element_bytes(py, &hash))
}

#[pyfunction]
pub fn derive_public_key<'py>(py: Python<'py>, secret: &[u8]) -> PyResult<Pair<'py>> {
    let secret = word("secret", secret)?;
    let (x, y) = run(py, || Ok::<_, Infallible>(eddsa::derive_public_key(&secret)))?;
    Ok((element_bytes(py, &x), element_bytes(py, &y)))
}

#[pyfunction]
pub fn sign<'py>(py: Python<'py>, secret: &[u8], message: &[u8]) -> PyResult<Triple<'py>> {
    let (secret, message) = (word("secret", secret)?, element("message", message)?);
    let Signature { r8: (x, y), s } = run(py, || Ok::<_, Infallible>(eddsa::sign(&secret, message)))?;
    Ok((element_bytes(py, &x), element_bytes(py, &y), element_bytes(py, &s)))
}

#[pyfunction]
pub fn verify_signatures(py: Python<'_>, items: Vec<SignatureWords>) -> PyResult<Vec<bool>> {
    let messages = items.iter().map(signed_message).collect::<PyResult<Vec<_>>>()?;
    drop(items);
    let verdicts = run(py, || Ok::<_, Infallible>(eddsa::verify_many(&messages)))?;
    Ok(verdicts.iter().map(Result::is_ok).collect())
}

fn signed_message((key_x, key_y, r8_x, r8_y, s, message): &SignatureWords) -> PyResult<SignedMessage> {
    let signature = Signature { r8: (residue("R8.x", r8_x)?, residue("R8.y", r8_y)?), s: residue("S", s)? };
    let public_key = (residue("A.x", key_x)?, residue("A.y", key_y)?);
    Ok(SignedMessage { public_key, signature, message: residue("message", message)? })
}
