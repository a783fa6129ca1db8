//! The Python face of `poe_core`: converts values, releases the GIL, maps errors. No logic.
use pyo3::prelude::*;

#[pymodule]
fn _core(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}
