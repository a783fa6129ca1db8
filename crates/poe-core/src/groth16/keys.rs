//! Keys on disk.
//!
//! A key file holds, integers little-endian: magic, version, provenance, circuit hash, which circuit it is, counts; the
//! points, uncompressed; SHA-256 of all before it. Its matrices are not in it: compiling the circuit anew is as fast as
//! reading them and proves that the key belongs to the circuit of this program.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    circuits::{BatchCircuit, Circuit, MembershipCircuit},
    data_structures::{Queries, VerifyingKey},
    engine::Domain,
    generator::{DEV_SEED, TooManyConstraints, generate},
    key_file::{self, Header, LayoutError},
    r1cs_to_qap,
    soundness::{KeyFault, check_verifying_key, has_published_secrets},
};
use crate::{
    batch::Word,
    circuit::{batch::ShapeError, membership::DepthError, r1cs::R1cs},
};

/// Words of a verifying key.
pub const VERIFYING_KEY_WORDS: usize = 22;
/// Those of a batch are C, x, y; those of a membership root, account · 2^160 + exit address, balance.
const PUBLIC_INPUTS: usize = 3;
/// Provenance of a key whose seed is published.
pub const PROVENANCE_DEV: &str = "insecure-dev";

/// Size and identity of a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CircuitInfo {
    pub constraints: usize,
    pub wires: usize,
    pub public_inputs: usize,
    pub hash: [u8; 32],
}

/// Why there is no key; file errors name the file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Shape(#[from] ShapeError),
    #[error(transparent)]
    Depth(#[from] DepthError),
    #[error(transparent)]
    Size(#[from] TooManyConstraints),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Layout { path: PathBuf, source: LayoutError },
    #[error("{}: checksum does not match, the file is damaged", path.display())]
    Checksum { path: PathBuf },
    #[error("{}: the key is not one of {wanted}", path.display())]
    Family { path: PathBuf, wanted: &'static str },
    #[error("{}: the key is for another circuit than this program's {circuit}", path.display())]
    Circuit { path: PathBuf, circuit: String },
    #[error("{}: {source}", path.display())]
    Unsound { path: PathBuf, source: KeyFault },
    #[error("{}: the key grew from the published seed, yet it says \"{provenance}\"", path.display())]
    Mislabelled { path: PathBuf, provenance: String },
}

/// A circuit's proving key, ready to prove.
#[derive(Debug)]
pub struct Key<C> {
    kind: C,
    header: Header,
    queries: Queries,
    r1cs: R1cs,
    domain: Domain,
}

/// A batch circuit's proving key.
pub type ProvingKey = Key<BatchCircuit>;

/// Size and identity of the batch circuit of a shape.
pub fn circuit_info(slots: usize, depth: usize) -> Result<CircuitInfo, KeyError> {
    Ok(info(&BatchCircuit { slots, depth }.compile()?))
}

/// Size and identity of the membership circuit of a depth.
pub fn membership_circuit_info(depth: usize) -> Result<CircuitInfo, KeyError> {
    Ok(info(&MembershipCircuit { depth }.compile()?))
}

fn info(r1cs: &R1cs) -> CircuitInfo {
    CircuitInfo {
        constraints: r1cs.constraints(),
        wires: r1cs.wires(),
        public_inputs: r1cs.public_inputs(),
        hash: r1cs.hash(),
    }
}

/// Refuses verifying key words (docs/protocol.md, section 6) by which anybody can forge; whether the key grew from the
/// published seed of the circuit with this hash and number of constraints.
pub fn check_words(words: &[u8], circuit_hash: &[u8; 32], constraints: usize) -> Result<bool, KeyFault> {
    let key = VerifyingKey::from_bytes(words, PUBLIC_INPUTS)?;
    check_verifying_key(&key, PUBLIC_INPUTS)?;
    let domain_size = (constraints + 1 + PUBLIC_INPUTS).next_power_of_two();
    Ok(has_published_secrets(&key, circuit_hash, domain_size))
}

/// Makes the insecure development key of a shape and writes it to `path`: the same bytes on every machine.
pub fn setup_dev_key(slots: usize, depth: usize, path: &Path) -> Result<(), KeyError> {
    make_dev_key(BatchCircuit { slots, depth }, path)
}

/// As [`setup_dev_key`], of the membership circuit of a depth.
pub fn setup_dev_membership_key(depth: usize, path: &Path) -> Result<(), KeyError> {
    make_dev_key(MembershipCircuit { depth }, path)
}

fn make_dev_key(circuit: impl Circuit, path: &Path) -> Result<(), KeyError> {
    let r1cs = circuit.compile()?;
    let queries = generate(&r1cs, &r1cs.hash(), DEV_SEED)?;
    write_key(PROVENANCE_DEV, circuit, &r1cs, &queries, path)
}

/// Provenance of a key from a ceremony with this many contributions.
pub fn ceremony_provenance(contributions: usize) -> String {
    format!("ceremony-{contributions}")
}

/// Writes a circuit's key.
pub fn write_key(
    provenance: &str,
    circuit: impl Circuit,
    r1cs: &R1cs,
    queries: &Queries,
    path: &Path,
) -> Result<(), KeyError> {
    let header = Header::new(provenance, circuit.numbers(), &info(r1cs));
    let mut bytes = key_file::to_bytes(&header, queries);
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    write_atomically(path, &bytes).map_err(|source| KeyError::Io { path: path.into(), source })
}

/// Readers see the old file or the whole new one, after a crash too.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary_name = name.to_owned();
    temporary_name.push(format!(".{}.partial", std::process::id()));
    let temporary = path.with_file_name(temporary_name);
    let written = write_and_rename(&temporary, path, bytes);
    if written.is_err() {
        // The first error is the one to report; a leftover is harmless.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn write_and_rename(temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Slots and depth of the circuit that a key file says it is for; 0 slots for the membership circuit. Nothing else of
/// the file is read, or checked.
pub fn claimed_numbers(path: &Path) -> Result<[usize; 2], KeyError> {
    let io = |source| KeyError::Io { path: path.into(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(io)?.take(key_file::HEADER_BYTES as u64).read_to_end(&mut bytes).map_err(io)?;
    let header = Header::read(&bytes).map_err(|source| KeyError::Layout { path: path.into(), source })?;
    Ok(header.numbers)
}

impl<C: Circuit> Key<C> {
    /// Reads a key file. Anything but the whole and right file of this program's circuit is an error.
    pub fn load(path: &Path) -> Result<Self, KeyError> {
        let bytes = fs::read(path).map_err(|source| KeyError::Io { path: path.into(), source })?;
        let layout = |source| KeyError::Layout { path: path.into(), source };
        let header = Header::read(&bytes).map_err(layout)?;
        let kind = C::from_numbers(header.numbers)
            .ok_or_else(|| KeyError::Family { path: path.into(), wanted: C::FAMILY })?;
        let (body, checksum) = header.split_checksum(&bytes).map_err(layout)?;
        if Sha256::digest(body).as_slice() != checksum {
            return Err(KeyError::Checksum { path: path.into() });
        }
        let (queries, r1cs) = rayon::join(
            || key_file::read_queries(&header, body),
            || kind.compile().map(|r1cs| (info(&r1cs), r1cs)),
        );
        let queries = queries.map_err(layout)?;
        let (circuit, r1cs) = r1cs?;
        if circuit != header.circuit {
            return Err(KeyError::Circuit { path: path.into(), circuit: kind.to_string() });
        }
        let constraints = circuit.constraints;
        let domain = r1cs_to_qap::domain(&r1cs).ok_or(TooManyConstraints { constraints })?;
        let key = Self { kind, header, queries, r1cs, domain };
        key.check_origin(path)?;
        Ok(key)
    }

    /// Refuses a key by which anybody can forge, and one whose provenance hides that its secrets are published.
    fn check_origin(&self, path: &Path) -> Result<(), KeyError> {
        let (key, circuit) = (&self.queries.verifying_key, &self.header.circuit);
        check_verifying_key(key, circuit.public_inputs)
            .map_err(|source| KeyError::Unsound { path: path.into(), source })?;
        let is_published = has_published_secrets(key, &circuit.hash, self.domain.size());
        if is_published && self.provenance() != PROVENANCE_DEV {
            let provenance = self.provenance().to_owned();
            return Err(KeyError::Mislabelled { path: path.into(), provenance });
        }
        Ok(())
    }

    pub fn circuit(&self) -> C {
        self.kind
    }

    pub fn circuit_hash(&self) -> [u8; 32] {
        self.header.circuit.hash
    }

    pub fn constraints(&self) -> usize {
        self.header.circuit.constraints
    }

    pub fn wires(&self) -> usize {
        self.header.circuit.wires
    }

    /// "insecure-dev" for the key of the published seed.
    pub fn provenance(&self) -> &str {
        self.header.provenance()
    }

    /// The verifying key in the contract's order (docs/protocol.md, section 6).
    pub fn verifying_key_words(&self) -> [Word; VERIFYING_KEY_WORDS] {
        let words = self.queries.verifying_key.to_words();
        std::array::from_fn(|i| words[i])
    }

    pub(super) fn parts(&self) -> (&Queries, &R1cs, &Domain) {
        (&self.queries, &self.r1cs, &self.domain)
    }
}

impl ProvingKey {
    pub fn slots(&self) -> usize {
        self.kind.slots
    }

    pub fn depth(&self) -> usize {
        self.kind.depth
    }
}
