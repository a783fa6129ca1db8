//! The files themselves: what is exported of a circuit, and a ceremony's key imported.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use ark_ff::Field;

use super::{
    circuit_hash::circuit_hash,
    ptau, r1cs, wtns, zkey,
    zkey_reader::{self, Imported, ZkeyError},
};
use crate::{
    batch::Word,
    circuit::r1cs::R1cs,
    field::Fr,
    groth16::{
        batch::{ProveError, batch_witness},
        circuits::{BatchCircuit, Circuit, MembershipCircuit},
        engine::Domain,
        generator::{DEV_SEED, TooManyConstraints, Trapdoor, generate_from},
        keys::{self, KeyError, PROVENANCE_DEV},
        membership::membership_witness,
        r1cs_to_qap,
        soundness::has_published_secrets,
    },
    membership::{Membership, MembershipError},
    trace::BatchTrace,
};

/// Beyond the circuit's own part of a `.zkey`: room for thousands of contributions.
const MAX_RECORD_BYTES: u64 = 1 << 22;

/// Why nothing was exchanged; file errors name the file.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Size(#[from] TooManyConstraints),
    #[error(transparent)]
    Prove(#[from] ProveError),
    #[error(transparent)]
    Membership(#[from] MembershipError),
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{}: longer than a key of this circuit can be", path.display())]
    TooLong { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Zkey { path: PathBuf, source: ZkeyError },
    #[error("{}: nobody has contributed to this key", path.display())]
    NoContributions { path: PathBuf },
}

/// A circuit with its development secrets.
struct Development {
    r1cs: R1cs,
    domain: Domain,
    trapdoor: Trapdoor,
}

impl Development {
    fn new(circuit: impl Circuit) -> Result<Self, ExchangeError> {
        let (r1cs, domain) = compile(circuit)?;
        let trapdoor = Trapdoor::derive(DEV_SEED, &r1cs.hash(), domain.size());
        Ok(Self { r1cs, domain, trapdoor })
    }
}

fn compile(circuit: impl Circuit) -> Result<(R1cs, Domain), ExchangeError> {
    let r1cs = circuit.compile()?;
    let constraints = r1cs.constraints();
    let domain = r1cs_to_qap::domain(&r1cs).ok_or(TooManyConstraints { constraints })?;
    Ok((r1cs, domain))
}

/// Writes a shape's circuit as `.r1cs` and its development key as `.zkey`.
pub fn export_circuit(
    slots: usize,
    depth: usize,
    r1cs_path: &Path,
    zkey_path: &Path,
) -> Result<(), ExchangeError> {
    export(BatchCircuit { slots, depth }, r1cs_path, zkey_path)
}

/// As [`export_circuit`], of the membership circuit of a depth.
pub fn export_membership_circuit(
    depth: usize,
    r1cs_path: &Path,
    zkey_path: &Path,
) -> Result<(), ExchangeError> {
    export(MembershipCircuit { depth }, r1cs_path, zkey_path)
}

fn export(circuit: impl Circuit, r1cs_path: &Path, zkey_path: &Path) -> Result<(), ExchangeError> {
    let Development { r1cs, domain, trapdoor } = Development::new(circuit)?;
    let before = generate_from(&r1cs, &domain, &Trapdoor { delta: Fr::ONE, ..trapdoor });
    let hash = circuit_hash(&before, trapdoor.tau);
    let queries = generate_from(&r1cs, &domain, &trapdoor);
    write(r1cs_path, &r1cs::to_bytes(&r1cs))?;
    write(zkey_path, &zkey::to_bytes(&queries, &r1cs, &hash))
}

/// Writes the phase 1 of a shape's development key as `.ptau`. INSECURE: whatever is set up with it, its secrets are
/// published.
pub fn export_phase_one(slots: usize, depth: usize, path: &Path) -> Result<(), ExchangeError> {
    write_phase_one(BatchCircuit { slots, depth }, path)
}

/// As [`export_phase_one`], of the membership circuit of a depth.
pub fn export_membership_phase_one(depth: usize, path: &Path) -> Result<(), ExchangeError> {
    write_phase_one(MembershipCircuit { depth }, path)
}

/// One power above what the circuit needs where snarkjs's circuit hash would else read beyond the powers.
fn write_phase_one(circuit: impl Circuit, path: &Path) -> Result<(), ExchangeError> {
    let Development { r1cs, domain, trapdoor } = Development::new(circuit)?;
    let power = domain.size().ilog2() + u32::from(domain.size() > super::circuit_hash::CHUNK);
    let constraints = r1cs.constraints();
    let bytes = ptau::to_bytes(&trapdoor, power).ok_or(TooManyConstraints { constraints })?;
    write(path, &bytes)
}

/// Writes the witness of an executed batch and its statement as `.wtns`.
pub fn export_witness(trace: &BatchTrace, statement: &[Word], path: &Path) -> Result<(), ExchangeError> {
    write(path, &wtns::to_bytes(&batch_witness(trace, statement)?))
}

/// Writes the witness of a membership as `.wtns`.
pub fn export_membership_witness(membership: &Membership, path: &Path) -> Result<(), ExchangeError> {
    let (values, _) = membership_witness(membership)?;
    write(path, &wtns::to_bytes(&values))
}

/// Reads a `.zkey` of a shape's circuit and writes it as a key file, with its provenance.
///
/// A key whose phase 1 is the development key's stays insecure-dev, however many contributed afterwards.
pub fn import_zkey(
    zkey_path: &Path,
    slots: usize,
    depth: usize,
    key_path: &Path,
) -> Result<(), ExchangeError> {
    import(zkey_path, BatchCircuit { slots, depth }, key_path)
}

/// As [`import_zkey`], of the membership circuit of a depth.
pub fn import_membership_zkey(zkey_path: &Path, depth: usize, key_path: &Path) -> Result<(), ExchangeError> {
    import(zkey_path, MembershipCircuit { depth }, key_path)
}

fn import(zkey_path: &Path, circuit: impl Circuit, key_path: &Path) -> Result<(), ExchangeError> {
    let (r1cs, domain) = compile(circuit)?;
    let bytes = read(zkey_path, &r1cs, &domain)?;
    let refuse = |source| ExchangeError::Zkey { path: zkey_path.into(), source };
    let Imported { queries, contributions } = zkey_reader::read(&bytes, &r1cs).map_err(refuse)?;
    drop(bytes);
    let provenance = if has_published_secrets(&queries.verifying_key, &r1cs.hash(), domain.size()) {
        PROVENANCE_DEV.to_owned()
    } else if contributions == 0 {
        return Err(ExchangeError::NoContributions { path: zkey_path.into() });
    } else {
        keys::ceremony_provenance(contributions)
    };
    Ok(keys::write_key(&provenance, circuit, &r1cs, &queries, key_path)?)
}

/// The whole file, unless it is longer than any key of this circuit.
fn read(path: &Path, r1cs: &R1cs, domain: &Domain) -> Result<Vec<u8>, ExchangeError> {
    let refuse = |source| ExchangeError::Io { path: path.into(), source };
    let entries: usize = r1cs.matrices[..2].iter().map(|matrix| matrix.entries()).sum();
    let points = 5 * r1cs.wires() + domain.size();
    let limit = 64 * (entries + points) as u64 + MAX_RECORD_BYTES;
    let mut bytes = Vec::new();
    File::open(path).map_err(refuse)?.take(limit + 1).read_to_end(&mut bytes).map_err(refuse)?;
    if bytes.len() as u64 > limit { Err(ExchangeError::TooLong { path: path.into() }) } else { Ok(bytes) }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), ExchangeError> {
    keys::write_atomically(path, bytes).map_err(|source| ExchangeError::Io { path: path.into(), source })
}
