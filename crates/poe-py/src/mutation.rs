//! The search for second witnesses.

use poe_core::circuit::mutate::{self as search, Report, membership::mutate_membership as search_membership};
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
    Ok(report_tuple(run(py, || search::mutate(slots, depth, seed, sample))?))
}

#[pyfunction]
pub fn mutate_membership(py: Python<'_>, depth: usize, seed: u64) -> PyResult<ReportTuple> {
    Ok(report_tuple(run(py, || search_membership(depth, seed))?))
}

fn report_tuple(report: Report) -> ReportTuple {
    let tried = report.wire_mutations + report.hint_mutations + report.split_mutations;
    (report.wires, report.hints, tried, report.survivors)
}
