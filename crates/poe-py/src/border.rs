//! The border between Python and the core: bytes to field elements, errors and panics to exceptions.

use std::{
    any::Any,
    fmt::Display,
    panic::{AssertUnwindSafe, catch_unwind},
};

use poe_core::{
    batch::Word,
    field::{self, FieldError, Fr},
};
use pyo3::{create_exception, exceptions::PyException, prelude::*, types::PyBytes};

create_exception!(_core, CoreError, PyException, "The core refused an input; the message is one line.");
create_exception!(_core, Stopped, PyException, "The work was told to end.");
create_exception!(_core, CorePanic, PyException, "A bug in the core: a panic, caught at the border.");

/// Runs `work` with the GIL released. An error becomes `CoreError`, a panic `CorePanic`.
pub fn run<T, E>(py: Python<'_>, work: impl FnOnce() -> Result<T, E> + Send) -> PyResult<T>
where
    T: Send,
    E: Display + Send,
{
    // Whatever `work` shares with later calls sits behind a mutex, which a panic poisons.
    match py.detach(|| catch_unwind(AssertUnwindSafe(work))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(CoreError::new_err(error.to_string())),
        Err(panic) => Err(CorePanic::new_err(panic_message(panic.as_ref()))),
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the core panicked: {}", text.unwrap_or("no message"))
}

/// 32 bytes of a value below r, or `CoreError` naming the argument.
pub fn element(name: &str, bytes: &[u8]) -> PyResult<Fr> {
    field::from_bytes_strict(bytes).map_err(|error| refuse(name, error))
}

/// Any 32 bytes, or `CoreError` naming the argument.
pub fn word(name: &str, bytes: &[u8]) -> PyResult<Word> {
    field::word_from_slice(bytes).map_err(|error| refuse(name, error))
}

/// The residue that any 32 bytes stand for, or `CoreError` naming the argument.
pub fn residue(name: &str, bytes: &[u8]) -> PyResult<Fr> {
    Ok(field::from_word(&word(name, bytes)?))
}

fn refuse(name: &str, error: FieldError) -> PyErr {
    CoreError::new_err(format!("{name}: {error}"))
}

/// An element as 32 big-endian bytes.
pub fn element_bytes<'py>(py: Python<'py>, element: &Fr) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &field::to_bytes(element))
}

/// A deliberate bug, so that a test can see what one looks like from Python.
#[pyfunction]
pub fn _panic(py: Python<'_>, message: String) -> PyResult<()> {
    run(py, || -> Result<(), std::convert::Infallible> { panic!("{message}") })
}
