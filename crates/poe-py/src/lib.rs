//! The Python face of `poe_core`: converts values, releases the GIL, maps errors. No logic.

mod border;
mod exchange;
mod membership;
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
        border::{_panic, CoreError, CorePanic, Stopped},
        exchange::{
            check_verifying_key, export_circuit, export_membership_circuit, export_membership_phase_one,
            export_membership_witness, export_phase_one, export_witness, import_membership_zkey, import_zkey,
        },
        membership::{MembershipKey, membership_circuit_info, setup_dev_membership_key},
        mutation::{mutate, mutate_membership},
        primitives::{derive_public_key, poseidon, sign, verify_signatures},
        proofs::{
            ProofResult, ProvingKey, StopFlag, VerifyingKey, arithmetics, circuit_info, key_file_circuit,
            setup_dev_key,
        },
        sequencing::{Engine, SealedBatch, workload_execute, workload_transfers},
        state::{Execution, State},
    };
}
