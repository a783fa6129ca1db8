//! Key files, and batches proven with them.
#![allow(clippy::unwrap_used)]

mod world;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use poe_core::{
    field::Fr,
    groth16::{
        batch::{ProofResult, ProveError, prove_batch},
        keys::{KeyError, PROVENANCE_DEV, ProvingKey, circuit_info, setup_dev_key},
        verifier::{VerifyError, verify_proof},
    },
};
use sha2::{Digest, Sha256};
use world::*;

const SLOTS: usize = 1;
const DEPTH: usize = 2;

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("poe-keys-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.0.join("some.key");
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

static KEY_BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = Folder::new("made");
    let path = folder.0.join("1x2.key");
    setup_dev_key(SLOTS, DEPTH, &path).unwrap();
    fs::read(path).unwrap()
});

static KEY: LazyLock<ProvingKey> = LazyLock::new(|| {
    let folder = Folder::new("loaded");
    ProvingKey::load(&folder.file(&KEY_BYTES)).unwrap()
});

/// The bytes under a checksum that fits them.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 32;
    let checksum = Sha256::digest(&bytes[..body]);
    bytes[body..].copy_from_slice(&checksum);
    bytes
}

fn load(folder: &Folder, bytes: &[u8]) -> Result<ProvingKey, KeyError> {
    ProvingKey::load(&folder.file(bytes))
}

#[test]
fn a_key_says_what_it_is() {
    let circuit = circuit_info(SLOTS, DEPTH).unwrap();
    assert_eq!((KEY.slots(), KEY.depth()), (SLOTS, DEPTH));
    assert_eq!((KEY.constraints(), KEY.wires()), (circuit.constraints, circuit.wires));
    assert_eq!((KEY.circuit_hash(), circuit.public_inputs), (circuit.hash, 3));
    assert_eq!(KEY.provenance(), PROVENANCE_DEV);
}

/// The same bytes everywhere: this digest is the development key's on every machine.
#[test]
fn the_development_key_is_reproducible() {
    let folder = Folder::new("again");
    let path = folder.0.join("again.key");
    setup_dev_key(SLOTS, DEPTH, &path).unwrap();
    assert!(fs::read(&path).unwrap() == *KEY_BYTES);
    let files: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["again.key"]);
    let words = KEY.verifying_key_words().concat();
    let digest: String = Sha256::digest(words).iter().map(|byte| format!("{byte:02x}")).collect();
    let snapshot = include_str!("../snapshots/dev-verifying-key-1x2.sha256");
    assert_eq!(digest, snapshot.trim());
}

#[test]
fn truncated_files_are_refused_by_name() {
    let folder = Folder::new("truncated");
    let length = KEY_BYTES.len();
    for kept in [0, 7, 8, 50, 99, 100, 101, 4_000, length / 2, length - 33, length - 32, length - 1] {
        let error = load(&folder, &KEY_BYTES[..kept]).unwrap_err();
        assert!(matches!(error, KeyError::Layout { .. }), "{kept} bytes: {error}");
        assert!(error.to_string().contains("some.key"));
    }
    let longer = [KEY_BYTES.as_slice(), &[0]].concat();
    assert!(matches!(load(&folder, &longer).unwrap_err(), KeyError::Layout { .. }));
}

#[test]
fn flipped_bytes_are_refused_by_name() {
    let folder = Folder::new("flipped");
    let length = KEY_BYTES.len();
    let header = (0..100).step_by(5);
    for position in header.chain([200, 5_000, length / 2, length - 40, length - 32, length - 1]) {
        let mut bytes = KEY_BYTES.clone();
        bytes[position] ^= 0x10;
        let error = load(&folder, &bytes).unwrap_err();
        assert!(error.to_string().contains("some.key"), "{position}: {error}");
    }
}

#[test]
fn forged_contents_are_refused_under_a_right_checksum() {
    let folder = Folder::new("forged");
    let circuit_hash = 12 + 32;
    let points = 12 + 32 + 32 + 24;
    let mut bytes = KEY_BYTES.clone();
    bytes[circuit_hash + 5] ^= 1;
    assert!(matches!(load(&folder, &sealed(bytes)).unwrap_err(), KeyError::Circuit { .. }));
    for position in [points, points + 70_000] {
        let mut bytes = KEY_BYTES.clone();
        bytes[position] ^= 1;
        assert!(matches!(load(&folder, &sealed(bytes)).unwrap_err(), KeyError::Layout { .. }));
    }
    // 2x1 instead of 1x2: counts of another circuit.
    let mut bytes = KEY_BYTES.clone();
    bytes[circuit_hash + 32] = 2;
    bytes[circuit_hash + 36] = 1;
    assert!(matches!(load(&folder, &sealed(bytes)).unwrap_err(), KeyError::Circuit { .. }));
}

#[test]
fn missing_files_and_folders_are_errors_that_name_them() {
    let folder = Folder::new("missing");
    let path = folder.0.join("nowhere").join("no.key");
    let error = ProvingKey::load(&path).unwrap_err().to_string();
    assert!(error.contains("no.key"), "{error}");
    assert!(matches!(setup_dev_key(1, 1, &path).unwrap_err(), KeyError::Io { .. }));
    assert!(matches!(setup_dev_key(1, 1, Path::new("/")).unwrap_err(), KeyError::Io { .. }));
    assert!(matches!(setup_dev_key(0, 1, &path).unwrap_err(), KeyError::Shape(_)));
}

fn batch(slot: Slot) -> Executed {
    execute(&mut funded(DEPTH, &[100, 100]), 0, 1, &[slot])
}

fn prove(executed: &Executed) -> Result<ProofResult, ProveError> {
    prove_batch(&KEY, &executed.trace, &executed.statement, 1)
}

fn check(result: &ProofResult, public: [Fr; 3]) -> Result<(), VerifyError> {
    verify_proof(&KEY.verifying_key_words().concat(), &public, &result.proof)
}

#[test]
fn batches_are_proven() {
    let applied = batch(signed(&transfer(0, 1, 10, 1, 0)));
    let noise = batch(Random(5).word().map(|byte| [byte; 32])[..4].try_into().unwrap());
    for executed in [applied, noise] {
        let result = prove(&executed).unwrap();
        let public = [executed.public.commitment, executed.public.x, executed.public.y];
        assert_eq!([result.commitment, result.x, result.y], public);
        check(&result, public).unwrap();
        for i in 0..3 {
            let mut other = public;
            other[i] += Fr::from(1u64);
            assert_eq!(check(&result, other), Err(VerifyError::Equation));
        }
    }
}

#[test]
fn a_statement_that_is_not_the_traces_is_refused() {
    let good = batch(signed(&transfer(0, 1, 10, 1, 0)));
    for word in (0..good.statement.len()).filter(|word| *word != 3) {
        let mut statement = good.statement.clone();
        statement[word][31] ^= 1;
        let error = prove_batch(&KEY, &good.trace, &statement, 1).unwrap_err();
        assert!(matches!(error, ProveError::Mismatch { .. }), "word {word}: {error}");
    }
    let mut unreduced = good.statement.clone();
    unreduced[3] = [0xff; 32];
    let error = prove_batch(&KEY, &good.trace, &unreduced, 1).unwrap_err();
    assert!(matches!(error, ProveError::Mismatch { what: "the context" }));
    let short = &good.statement[1..];
    let error = prove_batch(&KEY, &good.trace, short, 1).unwrap_err();
    assert!(matches!(error, ProveError::StatementLength { got: 13, wanted: 14 }));
}

#[test]
fn a_trace_that_is_not_of_the_keys_shape_is_refused() {
    let good = batch(NOTHING);
    let mut wide = batch(NOTHING);
    wide.trace.slots.push(wide.trace.slots[0].clone());
    assert!(matches!(prove(&wide).unwrap_err(), ProveError::Shape { slots: 2, .. }));
    let mut short = batch(NOTHING);
    short.trace.slots[0].sender.path.pop();
    assert!(matches!(prove(&short).unwrap_err(), ProveError::PathLength));
    prove(&good).unwrap();
}

#[test]
fn a_trace_of_another_state_gives_no_proof() {
    let mut forged = batch(signed(&transfer(0, 1, 10, 1, 0)));
    let mut account = forged.trace.slots[0].sender.account.unwrap();
    account.balance += 1;
    forged.trace.slots[0].sender.account = Some(account);
    assert!(matches!(prove(&forged).unwrap_err(), ProveError::Unsatisfied(_)));
}
