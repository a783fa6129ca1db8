//! The Python face of `poe_core`: converts values, releases the GIL, maps errors. No logic.

mod border;
mod primitives;
mod state;

use pyo3::prelude::*;

#[pymodule]
mod _core {
    #[pymodule_export]
    use crate::{
        border::{CoreError, CorePanic},
        primitives::{derive_public_key, poseidon, sign, verify_signatures},
        state::{Execution, State},
    };
}
