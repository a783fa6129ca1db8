//! The Python face of `poe_core`: converts values, releases the GIL, maps errors. No logic.

mod border;
mod exchange;
mod mutation;
mod primitives;
mod proofs;
mod sequencing;
mod state;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::{
        border::{_panic, CoreError, CorePanic},
        exchange::{check_verifying_key, export_circuit, export_phase_one, export_witness, import_zkey},
        mutation::mutate,
        primitives::{derive_public_key, poseidon, sign, verify_signatures},
        proofs::{ProofResult, ProvingKey, circuit_info, setup_dev_key, verify_proof},
        sequencing::{Engine, SealedBatch, workload_execute, workload_transfers},
        state::{Execution, State},
    };
}
