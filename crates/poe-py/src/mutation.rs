//! The search for second witnesses.

use poe_core::circuit::mutate as search;
use pyo3::prelude::*;

use crate::border::run;

/// (wires, hints, mutations tried, survivors).
type ReportTuple = (usize, usize, usize, Vec<String>);

#[pyfunction]
#[pyo3(signature = (slots, depth, seed, sample))]
pub fn mutate(
    py: Python<'_>,
    slots: usize,
    depth: usize,
    seed: u64,
    sample: Option<usize>,
) -> PyResult<ReportTuple> {
    let report = run(py, || search::mutate(slots, depth, seed, sample))?;
    let tried = report.wire_mutations + report.hint_mutations + report.split_mutations;
    Ok((report.wires, report.hints, tried, report.survivors))
}
