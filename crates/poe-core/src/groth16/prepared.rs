//! A batch circuit's key made ready to prove fast: by the file of its tables if there is one, by the key itself if not.

use std::{
    fs::File,
    io::{self, Read},
    path::Path as FilePath,
};

use super::{
    batch::{ProofResult, ProveError, Prover, prove_batch_by},
    data_structures::VerifyingKey,
    engine::{Path, Stop, ThreadError, with_threads},
    key_file::{Header, LayoutError},
    keys::{KeyError, ProvingKey},
    machine::Machine,
    tables::{Source, TableSize, Tables, UnknownSize},
    verifier::Verifier,
};
use crate::{batch::Word, trace::BatchTrace};

/// Enough of a key file to hold its header.
const HEADER_BYTES: u64 = 4096;
const HASH_BYTES: usize = 32;

/// Why a key cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error("this machine has no arithmetic \"{name}\": auto, {known}")]
    Arithmetic { name: String, known: String },
    #[error(transparent)]
    Size(#[from] UnknownSize),
    #[error(transparent)]
    Threads(#[from] ThreadError),
    #[error("the key's tables make no sense")]
    Tables,
}

/// A key ready to prove, and what it is.
pub struct PreparedKey {
    machine: Machine,
    verifier: Verifier,
    label: Label,
}

/// What a table file says of its circuit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Label {
    slots: usize,
    depth: usize,
    circuit_hash: [u8; HASH_BYTES],
    provenance: String,
}

impl Label {
    fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.slots, self.depth].map(|count| (count as u32).to_le_bytes());
        [counts.as_flattened(), &self.circuit_hash, self.provenance.as_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (counts, rest) = bytes.split_first_chunk::<8>()?;
        let (circuit_hash, provenance) = rest.split_first_chunk()?;
        let count = |i: usize| u32::from_le_bytes(std::array::from_fn(|k| counts[4 * i + k])) as usize;
        let provenance = String::from_utf8(provenance.to_vec()).ok()?;
        Some(Self { slots: count(0), depth: count(1), circuit_hash: *circuit_hash, provenance })
    }
}

impl PreparedKey {
    /// The key in a file. Its tables are mapped from the file beside it, which is made on `threads` threads if it is not
    /// there or not right; only then is the key itself read, and checked, whole.
    ///
    /// `tables` is "full", "small", or "auto", which looks at the free memory; `arithmetic` is "ifma", "scalar", or
    /// "auto" for the fastest that there is.
    pub fn open(
        path: &FilePath,
        tables: &str,
        arithmetic: &str,
        threads: usize,
    ) -> Result<Self, PrepareError> {
        let arithmetic = path_named(arithmetic)?;
        let (wires, points) = claimed_sizes(path)?;
        let size = TableSize::named(tables, wires, points)?;
        let tables = match Tables::find(path, size) {
            Some(tables) => tables,
            None => with_threads(threads, || make(path, size))??,
        };
        let label = Label::from_bytes(&tables.circuit().label).ok_or(PrepareError::Tables)?;
        let machine = Machine::new(tables, arithmetic).ok_or(PrepareError::Tables)?;
        let verifier = Verifier::new(&machine.tables().circuit().verifying_key);
        Ok(Self { machine, verifier, label })
    }

    /// Proves as [`super::batch::prove_batch`] does, and ends soon after the flag is set.
    pub fn prove_batch(
        &self,
        trace: &BatchTrace,
        statement_words: &[Word],
        threads: usize,
        stop: &Stop,
    ) -> Result<ProofResult, ProveError> {
        let prover = Prover {
            shape: (self.slots(), self.depth()),
            verifier: &self.verifier,
            prove: |witness: &[_]| self.machine.prove(witness, stop),
        };
        match prove_batch_by(prover, trace, statement_words, threads, stop) {
            Err(ProveError::Unsatisfied(_)) if !self.machine.tables().is_intact() => Err(ProveError::Tables),
            other => other,
        }
    }

    pub fn slots(&self) -> usize {
        self.label.slots
    }

    pub fn depth(&self) -> usize {
        self.label.depth
    }

    pub fn circuit_hash(&self) -> [u8; HASH_BYTES] {
        self.label.circuit_hash
    }

    pub fn provenance(&self) -> &str {
        &self.label.provenance
    }

    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    pub fn verifying_key(&self) -> &VerifyingKey {
        &self.machine.tables().circuit().verifying_key
    }
}

/// Reads the key and makes its tables.
fn make(path: &FilePath, size: TableSize) -> Result<Tables, PrepareError> {
    let key = ProvingKey::load(path)?;
    let (queries, r1cs, _) = key.parts();
    let label = Label {
        slots: key.slots(),
        depth: key.depth(),
        circuit_hash: key.circuit_hash(),
        provenance: key.provenance().to_owned(),
    };
    let source = Source { queries, r1cs, label: &label.to_bytes() };
    Tables::open(source, path, size, &Stop::new()).map_err(|_| PrepareError::Tables)
}

/// Wires and points of the domain, as a key file's header has them; nothing else of the file is looked at.
fn claimed_sizes(path: &FilePath) -> Result<(usize, usize), KeyError> {
    let header = read_header(path).map_err(|source| KeyError::Io { path: path.into(), source })?;
    let header = header.map_err(|source| KeyError::Layout { path: path.into(), source })?;
    let circuit = header.circuit;
    Ok((circuit.wires, (circuit.constraints + 1 + circuit.public_inputs).next_power_of_two()))
}

fn read_header(path: &FilePath) -> io::Result<Result<Header, LayoutError>> {
    let mut bytes = vec![];
    File::open(path)?.take(HEADER_BYTES).read_to_end(&mut bytes)?;
    Ok(Header::read(&bytes))
}

fn path_named(name: &str) -> Result<Path, PrepareError> {
    let found = if name == "auto" { Some(Path::detect()) } else { Path::named(name) };
    found.ok_or_else(|| {
        let known: Vec<&str> = Path::all().into_iter().map(Path::name).collect();
        PrepareError::Arithmetic { name: name.to_owned(), known: known.join(", ") }
    })
}
