//! The state and its executions.

use std::{
    convert::Infallible,
    sync::{Mutex, MutexGuard},
};

use poe_core::{
    account::Account,
    batch::{Batch, BatchError, Header},
    membership::Membership,
    state as core_state,
    transition::{self, TransitionError},
};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

use crate::border::{element, element_bytes, run};

/// The result of executing one batch.
#[pyclass(frozen, module = "poe._core")]
pub struct Execution {
    #[pyo3(get)]
    old_root: Py<PyBytes>,
    #[pyo3(get)]
    new_root: Py<PyBytes>,
    /// One SlotOutcome code a slot.
    #[pyo3(get)]
    outcomes: Py<PyBytes>,
    #[pyo3(get)]
    fees: u128,
    #[pyo3(get)]
    burnt: u128,
    /// Slot, 20-byte address and amount of each applied exit, in slot order.
    #[pyo3(get)]
    exits: Vec<(usize, Py<PyBytes>, u64)>,
    #[pyo3(get)]
    trace: Py<PyBytes>,
}

impl Execution {
    fn new(py: Python<'_>, execution: &transition::Execution) -> Self {
        let trace = &execution.trace;
        let outcomes: Vec<u8> = trace.slots.iter().map(|slot| slot.outcome.code()).collect();
        let exits = trace.exits().into_iter();
        let exits = exits.map(|exit| (exit.slot, PyBytes::new(py, &exit.address).unbind(), exit.amount));
        Self {
            old_root: element_bytes(py, &trace.old_root).unbind(),
            new_root: element_bytes(py, &trace.new_root).unbind(),
            outcomes: PyBytes::new(py, &outcomes).unbind(),
            fees: execution.fees,
            burnt: trace.burnt,
            exits: exits.collect(),
            trace: PyBytes::new(py, &trace.to_bytes()).unbind(),
        }
    }
}

type AccountTuple<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, u128, u64, Bound<'py, PyBytes>);

/// Index, public key x and y, balance, nonce, exit address.
type Genesis = (u64, PyBackedBytes, PyBackedBytes, u128, u64, PyBackedBytes);

fn genesis_account((index, x, y, balance, nonce, exit_address): &Genesis) -> PyResult<(u64, Account)> {
    let account = Account {
        public_key: (element("public_key_x", x)?, element("public_key_y", y)?),
        balance: *balance,
        nonce: *nonce,
        exit_address: element("exit_address", exit_address)?,
    };
    Ok((*index, account))
}

/// Accounts in a 4-ary Poseidon tree, with undo of the last `history` batches.
#[pyclass(frozen, module = "poe._core")]
pub struct State {
    /// Locked only with the GIL released; poisoned for good by a panic in the middle of a change.
    inner: Mutex<core_state::State>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Batch(#[from] BatchError),
    #[error(transparent)]
    Transition(#[from] TransitionError),
}

#[derive(Debug, thiserror::Error)]
#[error("account {index} does not exist")]
struct NoAccount {
    index: u64,
}

impl State {
    /// For the inside of `run` alone: waiting here with the GIL could never end, and the panic must be caught.
    fn lock(&self) -> MutexGuard<'_, core_state::State> {
        self.inner.lock().unwrap_or_else(|_| panic!("an earlier panic left the state unusable"))
    }

    fn read<T: Send>(&self, py: Python<'_>, of: impl FnOnce(&core_state::State) -> T + Send) -> PyResult<T> {
        run(py, || Ok::<_, Infallible>(of(&self.lock())))
    }
}

#[pymethods]
impl State {
    #[new]
    #[pyo3(signature = (depth, history = 1024, accounts = Vec::new()))]
    fn new(py: Python<'_>, depth: usize, history: usize, accounts: Vec<Genesis>) -> PyResult<Self> {
        let accounts = accounts.iter().map(genesis_account).collect::<PyResult<Vec<_>>>()?;
        let state = run(py, || core_state::State::with_accounts(depth, history, accounts))?;
        Ok(Self { inner: Mutex::new(state) })
    }

    #[getter]
    fn root<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let root = self.read(py, core_state::State::root)?;
        Ok(element_bytes(py, &root))
    }

    #[getter]
    fn height(&self, py: Python<'_>) -> PyResult<u64> {
        self.read(py, core_state::State::height)
    }

    fn account<'py>(&self, py: Python<'py>, index: u64) -> PyResult<Option<AccountTuple<'py>>> {
        let account = self.read(py, |state| state.account(index).copied())?;
        Ok(account.map(|Account { public_key: (x, y), balance, nonce, exit_address }| {
            (element_bytes(py, &x), element_bytes(py, &y), balance, nonce, element_bytes(py, &exit_address))
        }))
    }

    fn total_balance(&self, py: Python<'_>) -> PyResult<u128> {
        self.read(py, core_state::State::total_balance)
    }

    fn membership<'py>(&self, py: Python<'py>, index: u64) -> PyResult<Bound<'py, PyBytes>> {
        let bytes = run(py, || {
            let membership = Membership::of(&mut self.lock(), index).ok_or(NoAccount { index })?;
            Ok::<_, NoAccount>(membership.to_bytes())
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[pyo3(signature = (*, domain, slots, deposits, forced, fee_account, data))]
    #[allow(clippy::too_many_arguments)]
    fn execute(
        &self,
        py: Python<'_>,
        domain: &[u8],
        slots: usize,
        deposits: u64,
        forced: u64,
        fee_account: u64,
        data: &[u8],
    ) -> PyResult<Execution> {
        let domain = element("domain", domain)?;
        let execution = run(py, || {
            let mut state = self.lock();
            let header = Header { slots, depth: state.depth(), deposits, forced, fee_account };
            let batch = Batch::new(header, data)?;
            Ok::<_, Failure>(transition::execute(&mut state, &batch, domain)?)
        })?;
        Ok(Execution::new(py, &execution))
    }

    fn rollback(&self, py: Python<'_>, batches: u64) -> PyResult<()> {
        run(py, || self.lock().rollback(batches))
    }
}
