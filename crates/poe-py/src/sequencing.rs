//! The sequencer's engine.

use std::path::PathBuf;

use poe_core::{
    account::Account,
    batch::{Header, SLOT_BYTES},
    field::Fr,
    sequencing::{self, Code, Queue, Rules, Sealed, workload},
};
use pyo3::{prelude::*, pybacked::PyBackedBytes, types::PyBytes};

use crate::border::{element, element_bytes, run};

type AccountTuple<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, u128, u64, Bound<'py, PyBytes>);

/// A batch as executed.
#[pyclass(frozen, module = "poe._core")]
pub struct SealedBatch {
    sealed: Sealed,
}

#[pymethods]
impl SealedBatch {
    #[getter]
    fn number(&self) -> u64 {
        self.sealed.number
    }

    #[getter]
    fn parent_hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.sealed.parent_hash)
    }

    #[getter]
    fn hash<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.sealed.hash)
    }

    /// Slots, depth, deposits, forced, fee account.
    #[getter]
    fn header(&self) -> (usize, usize, u64, u64, u64) {
        let Header { slots, depth, deposits, forced, fee_account } = self.sealed.header;
        (slots, depth, deposits, forced, fee_account)
    }

    #[getter]
    fn data<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.sealed.data)
    }

    /// One SlotOutcome code a slot.
    #[getter]
    fn outcomes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let codes: Vec<u8> = self.sealed.outcomes.iter().map(|outcome| outcome.code()).collect();
        PyBytes::new(py, &codes)
    }

    /// Slot, 20-byte address and amount of each applied exit, in slot order.
    #[getter]
    fn exits<'py>(&self, py: Python<'py>) -> Vec<(usize, Bound<'py, PyBytes>, u64)> {
        let exits = self.sealed.exits.iter();
        exits.map(|exit| (exit.slot, PyBytes::new(py, &exit.address), exit.amount)).collect()
    }

    #[getter]
    fn fees(&self) -> u128 {
        self.sealed.fees
    }

    #[getter]
    fn burnt(&self) -> u128 {
        self.sealed.burnt
    }

    #[getter]
    fn queue(&self) -> (u64, u64) {
        (self.sealed.queue_start, self.sealed.queue_end)
    }

    /// The state root after it; None inside a round, where only the last batch has one.
    #[getter]
    fn root<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.sealed.root.as_ref().map(|root| element_bytes(py, root))
    }
}

/// Pool, state and batches of a sequencer, durable at `path`. Every method may be called from any thread.
#[pyclass(frozen, module = "poe._core")]
pub struct Engine {
    inner: sequencing::Engine,
}

#[pymethods]
impl Engine {
    #[new]
    #[pyo3(signature = (*, path, slots, depth, domain, fee_account, pool_transactions, pool_per_account,
        pool_seconds, kept_batches, max_unposted, genesis_accounts, now))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        path: Option<PathBuf>,
        slots: usize,
        depth: usize,
        domain: &[u8],
        fee_account: u64,
        pool_transactions: usize,
        pool_per_account: usize,
        pool_seconds: f64,
        kept_batches: usize,
        max_unposted: u32,
        genesis_accounts: u64,
        now: f64,
    ) -> PyResult<Self> {
        let domain = element("domain", domain)?;
        let rules = Rules {
            slots,
            depth,
            domain,
            fee_account,
            pool_transactions,
            pool_per_account,
            pool_seconds,
            kept_batches,
            max_unposted,
        };
        let open =
            || sequencing::Engine::open(rules, path.as_deref(), workload::genesis(genesis_accounts), now);
        Ok(Self { inner: run(py, open)? })
    }

    /// One code a slot of the frame (`poe_core::sequencing::Code`).
    fn admit<'py>(&self, py: Python<'py>, frame: PyBackedBytes, now: f64) -> PyResult<Bound<'py, PyBytes>> {
        let codes = run(py, || self.inner.admit(&frame, now))?;
        let bytes: Vec<u8> = codes.into_iter().map(Code::byte).collect();
        Ok(PyBytes::new(py, &bytes))
    }

    /// The numbers of the first and the last batch cut, both durable.
    #[pyo3(signature = (*, deposits, forced, queue_slots, queue_end, most, partial))]
    #[allow(clippy::too_many_arguments)]
    fn seal(
        &self,
        py: Python<'_>,
        deposits: u64,
        forced: u64,
        queue_slots: &[u8],
        queue_end: u64,
        most: usize,
        partial: bool,
    ) -> PyResult<Option<(u64, u64)>> {
        let (slots, _) = queue_slots.as_chunks::<SLOT_BYTES>();
        let queue = Queue { deposits, forced, slots: slots.to_vec(), end: queue_end };
        run(py, || self.inner.seal(queue, most, partial))
    }

    /// How many waiting transactions the batch overtook.
    #[pyo3(signature = (*, slots, depth, deposits, forced, fee_account, data, queue_end))]
    #[allow(clippy::too_many_arguments)]
    fn extend(
        &self,
        py: Python<'_>,
        slots: usize,
        depth: usize,
        deposits: u64,
        forced: u64,
        fee_account: u64,
        data: &[u8],
        queue_end: u64,
    ) -> PyResult<usize> {
        let header = Header { slots, depth, deposits, forced, fee_account };
        run(py, || self.inner.extend(header, data, queue_end))
    }

    /// How many transactions were dropped.
    fn truncate(&self, py: Python<'_>, number: u64, now: f64) -> PyResult<usize> {
        run(py, || self.inner.truncate(number, now))
    }

    fn set_posted(&self, py: Python<'_>, number: u64) -> PyResult<()> {
        run(py, || self.inner.set_posted(number))
    }

    fn expire(&self, py: Python<'_>, now: f64) -> PyResult<usize> {
        run(py, || self.inner.expire(now))
    }

    fn batch(&self, py: Python<'_>, number: u64) -> PyResult<Option<SealedBatch>> {
        Ok(run(py, || self.inner.batch(number))?.map(|sealed| SealedBatch { sealed }))
    }

    fn account<'py>(&self, py: Python<'py>, index: u64) -> PyResult<Option<AccountTuple<'py>>> {
        let account = run(py, || self.inner.account(index))?;
        Ok(account.map(|Account { public_key: (x, y), balance, nonce, exit_address }| {
            (element_bytes(py, &x), element_bytes(py, &y), balance, nonce, element_bytes(py, &exit_address))
        }))
    }

    fn next_nonce(&self, py: Python<'_>, account: u64, nonce: u64) -> PyResult<u64> {
        run(py, || self.inner.next_nonce(account, nonce))
    }

    fn total_balance(&self, py: Python<'_>) -> PyResult<u128> {
        run(py, || self.inner.total_balance())
    }

    #[getter]
    fn root<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let root: Fr = run(py, || self.inner.root())?;
        Ok(element_bytes(py, &root))
    }

    /// The batch below all that are kept: number, hash, the queue's index after it.
    fn base<'py>(&self, py: Python<'py>) -> PyResult<(u64, Bound<'py, PyBytes>, u64)> {
        let (_, _, base) = run(py, || self.inner.head())?;
        Ok((base.number, PyBytes::new(py, &base.hash), base.queue_end))
    }

    /// Height, durable height, base, transactions applied, waiting, ready, dropped, bytes written, p99 seconds.
    #[allow(clippy::type_complexity)]
    fn standing(&self, py: Python<'_>) -> PyResult<(u64, u64, u64, u64, usize, usize, u64, u64, f64)> {
        let s = run(py, || self.inner.standing())?;
        Ok((
            s.height,
            s.durable,
            s.base,
            s.transactions,
            s.waiting,
            s.ready,
            s.dropped,
            s.written_bytes,
            s.p99_seconds,
        ))
    }
}

/// Slots of signed transfers between the accounts of a measurement, `count` from number `first` on.
#[pyfunction]
pub fn workload_transfers<'py>(
    py: Python<'py>,
    accounts: u64,
    first: u64,
    count: u64,
    domain: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let domain = element("domain", domain)?;
    let slots = run(py, || {
        Ok::<_, std::convert::Infallible>(workload::signed_transfers(accounts, first, count, domain))
    })?;
    Ok(PyBytes::new(py, &slots))
}

/// Executes transfers without signatures; transactions, seconds, p99 of a round.
#[pyfunction]
pub fn workload_execute(
    py: Python<'_>,
    accounts: u64,
    slots: usize,
    depth: usize,
    seconds: f64,
) -> PyResult<(u64, f64, f64)> {
    let done = run(py, || workload::execute(accounts, slots, depth, seconds))?;
    Ok((done.transactions, done.seconds, done.p99_seconds))
}
