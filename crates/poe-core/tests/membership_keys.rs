//! Keys of the membership circuit, told apart from a batch's, and accounts proven with them.
#![allow(clippy::unwrap_used)]

use std::{fs, ops::Neg, path::PathBuf, sync::LazyLock};

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::Field;
use poe_core::{
    account::Account,
    circuit::{membership::compile, r1cs::R1cs},
    field::{self, Fr},
    groth16::{
        circuits::MembershipCircuit,
        data_structures::{Queries, VerifyingKey},
        encoding::EncodingError,
        generator::{DEV_SEED, generate},
        keys::{
            KeyError, PROVENANCE_DEV, ProvingKey, check_words, claimed_numbers, membership_circuit_info,
            setup_dev_key, setup_dev_membership_key, write_key,
        },
        membership::{MembershipKey, ProveMembershipError, prove_membership},
        soundness::KeyFault,
        verifier::{VerifyError, verify_proof},
    },
    membership::{Membership, MembershipError},
    snarkjs::{
        ExchangeError, export_circuit, export_membership_circuit, export_membership_phase_one,
        export_membership_witness, import_membership_zkey, import_zkey, r1cs_to_bytes, witness_to_bytes,
        zkey_to_bytes,
    },
    state::State,
};
use sha2::{Digest, Sha256};

const DEPTH: usize = 2;
const CIRCUIT: MembershipCircuit = MembershipCircuit { depth: DEPTH };

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("poe-membership-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        fs::write(self.at("some.key"), bytes).unwrap();
        self.at("some.key")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

static KEY_BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let path = Folder::new("made").at("made.key");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    setup_dev_membership_key(DEPTH, &path).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    bytes
});

static KEY: LazyLock<MembershipKey> =
    LazyLock::new(|| MembershipKey::load(&Folder::new("loaded").file(&KEY_BYTES)).unwrap());

static R1CS: LazyLock<R1cs> = LazyLock::new(|| compile(DEPTH).unwrap());

/// A key whose secrets nobody published.
static PRIVATE: LazyLock<Queries> =
    LazyLock::new(|| generate(&R1CS, &R1CS.hash(), b"somebody's secret").unwrap());

fn account(index: u64) -> Account {
    let public_key = (Fr::from(index + 10), Fr::from(index + 20));
    Account { public_key, balance: 1 << 95, nonce: index, exit_address: Fr::from(index + 30) }
}

fn state(depth: usize) -> State {
    State::with_accounts(depth, 0, [0, 3].map(|index| (index, account(index)))).unwrap()
}

fn member(index: u64) -> Membership {
    Membership::of(&mut state(DEPTH), index).unwrap()
}

#[test]
fn a_key_says_what_it_is() {
    let circuit = membership_circuit_info(DEPTH).unwrap();
    assert_eq!(KEY.circuit(), CIRCUIT);
    assert_eq!((KEY.constraints(), KEY.wires()), (circuit.constraints, circuit.wires));
    assert_eq!((KEY.circuit_hash(), circuit.public_inputs), (circuit.hash, 3));
    assert_eq!(KEY.provenance(), PROVENANCE_DEV);
}

/// The same bytes everywhere: this digest is the development key's on every machine. `POE_UPDATE_SNAPSHOTS=1` rewrites
/// it.
#[test]
fn the_development_key_is_reproducible() {
    const SNAPSHOT: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots/dev-verifying-key-membership-2.sha256");
    let words = KEY.verifying_key_words().concat();
    let digest: String = Sha256::digest(words).iter().map(|byte| format!("{byte:02x}")).collect();
    if std::env::var_os("POE_UPDATE_SNAPSHOTS").is_some() {
        fs::write(SNAPSHOT, format!("{digest}\n")).unwrap();
    }
    assert_eq!(digest, fs::read_to_string(SNAPSHOT).unwrap().trim());
}

#[test]
fn keys_of_one_family_are_refused_where_the_other_is_wanted() {
    let folder = Folder::new("families");
    let [batch, membership] = ["batch.key", "membership.key"].map(|name| folder.at(name));
    setup_dev_key(1, DEPTH, &batch).unwrap();
    fs::write(&membership, &*KEY_BYTES).unwrap();
    assert_eq!([&batch, &membership].map(|path| claimed_numbers(path).unwrap()), [[1, DEPTH], [0, DEPTH]]);
    let error = ProvingKey::load(&membership).unwrap_err();
    assert!(error.to_string().ends_with("membership.key: the key is not one of a batch circuit"), "{error}");
    let error = MembershipKey::load(&batch).unwrap_err();
    assert!(error.to_string().ends_with("batch.key: the key is not one of a membership circuit"), "{error}");
}

/// The bytes under a checksum that fits them.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let body = bytes.len() - 32;
    let checksum = Sha256::digest(&bytes[..body]);
    bytes[body..].copy_from_slice(&checksum);
    bytes
}

#[test]
fn a_family_or_a_depth_that_a_file_only_claims_is_refused() {
    let folder = Folder::new("claims");
    let (slots_at, depth_at) = (12 + 32 + 32, 12 + 32 + 32 + 4);
    let load = |bytes: Vec<u8>| MembershipKey::load(&folder.file(&sealed(bytes))).unwrap_err();
    let mut deeper = KEY_BYTES.clone();
    deeper[depth_at] = 3;
    let error = load(deeper);
    assert!(error.to_string().contains("this program's membership circuit of depth 3"), "{error}");
    let mut batch = KEY_BYTES.clone();
    batch[slots_at] = 1;
    let error = ProvingKey::load(&folder.file(&sealed(batch.clone()))).unwrap_err();
    assert!(matches!(error, KeyError::Circuit { .. }), "{error}");
    assert!(matches!(load(batch), KeyError::Family { .. }));
    let mut hash = KEY_BYTES.clone();
    hash[12 + 32 + 5] ^= 1;
    assert!(matches!(load(hash), KeyError::Circuit { .. }));
}

#[test]
fn torn_and_flipped_files_are_refused_by_name() {
    let folder = Folder::new("torn");
    let length = KEY_BYTES.len();
    for kept in [0, 8, 99, 100, length / 2, length - 1] {
        let error = MembershipKey::load(&folder.file(&KEY_BYTES[..kept])).unwrap_err();
        assert!(
            matches!(error, KeyError::Layout { .. }) && error.to_string().contains("some.key"),
            "{error}"
        );
        assert_eq!(claimed_numbers(&folder.at("some.key")).is_ok(), kept >= 100);
    }
    for position in (0..100).step_by(9).chain([5_000, length - 1]) {
        let mut bytes = KEY_BYTES.clone();
        bytes[position] ^= 0x10;
        let error = MembershipKey::load(&folder.file(&bytes)).unwrap_err();
        assert!(error.to_string().contains("some.key"), "{position}: {error}");
    }
    assert!(matches!(claimed_numbers(&folder.at("none.key")).unwrap_err(), KeyError::Io { .. }));
    assert!(matches!(setup_dev_membership_key(25, &folder.at("no.key")).unwrap_err(), KeyError::Depth(_)));
}

/// What loading says of a key changed like this.
fn fault_of(change: impl FnOnce(&mut VerifyingKey)) -> KeyFault {
    let folder = Folder::new("worthless");
    let mut queries = PRIVATE.clone();
    change(&mut queries.verifying_key);
    write_key("ceremony-3", CIRCUIT, &R1CS, &queries, &folder.at("bad.key")).unwrap();
    match MembershipKey::load(&folder.at("bad.key")).unwrap_err() {
        KeyError::Unsound { source, .. } => {
            let words = queries.verifying_key.to_words();
            let circuit = membership_circuit_info(DEPTH).unwrap();
            let by_words = check_words(words.as_flattened(), &circuit.hash, circuit.constraints);
            assert_eq!(by_words.unwrap_err(), source, "the same by the words alone");
            source
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_worthless_key_is_not_loaded() {
    assert_eq!(fault_of(|key| key.delta_g2 = key.gamma_g2), KeyFault::GammaEqualsDelta);
    assert_eq!(fault_of(|key| key.delta_g2 = key.gamma_g2.neg()), KeyFault::GammaEqualsDelta);
    let generator = G2Affine::generator();
    let moved = |key: &mut VerifyingKey| key.gamma_g2 = (generator * Fr::from(5u64)).into_affine();
    let is_generator = |delta| move |key: &mut VerifyingKey| (key.gamma_g2, key.delta_g2) = delta;
    let other = (generator * Fr::from(5u64)).into_affine();
    assert_eq!(fault_of(is_generator((other, generator))), KeyFault::DeltaIsGenerator);
    assert_eq!(fault_of(is_generator((other, generator.neg()))), KeyFault::DeltaIsGenerator);
    let infinite = |what| KeyFault::Encoding(EncodingError::Infinity { what });
    assert_eq!(fault_of(|key| key.alpha_g1 = G1Affine::identity()), infinite("alpha"));
    assert_eq!(fault_of(|key| key.ic[2] = G1Affine::identity()), infinite("IC"));
    assert_eq!(fault_of(|key| key.ic[2] = key.ic[1]), KeyFault::IcEqual { first: 1, second: 2 });
    // γ other than the generator is no fault.
    let folder = Folder::new("gamma");
    let mut queries = PRIVATE.clone();
    moved(&mut queries.verifying_key);
    write_key("ceremony-3", CIRCUIT, &R1CS, &queries, &folder.at("moved.key")).unwrap();
    assert_eq!(MembershipKey::load(&folder.at("moved.key")).unwrap().provenance(), "ceremony-3");
}

#[test]
fn words_of_another_number_of_inputs_are_refused() {
    let circuit = membership_circuit_info(DEPTH).unwrap();
    let words = KEY.verifying_key_words().concat();
    assert!(check_words(&words, &circuit.hash, circuit.constraints).unwrap(), "the published seed");
    for length in [words.len() - 64, words.len() - 1] {
        let error = check_words(&words[..length], &circuit.hash, circuit.constraints).unwrap_err();
        assert!(matches!(error, KeyFault::Encoding(EncodingError::Length { .. })), "{error}");
    }
    let private = PRIVATE.verifying_key.to_words();
    assert!(!check_words(private.as_flattened(), &circuit.hash, circuit.constraints).unwrap());
}

/// Contributions after a published phase 1 leave 1/δ known: such a key may not pass for a ceremony's.
#[test]
fn the_published_seed_cannot_pass_for_a_ceremonys() {
    let folder = Folder::new("mislabelled");
    let mut queries = generate(&R1CS, &R1CS.hash(), DEV_SEED).unwrap();
    let (factor, inverse) = (Fr::from(5u64), Fr::from(5u64).inverse().unwrap());
    queries.verifying_key.delta_g2 = (queries.verifying_key.delta_g2 * factor).into_affine();
    queries.delta_g1 = (queries.delta_g1 * factor).into_affine();
    for point in queries.c.iter_mut().chain(&mut queries.h) {
        *point = (*point * inverse).into_affine();
    }
    let path = folder.at("liar.key");
    write_key("ceremony-3", CIRCUIT, &R1CS, &queries, &path).unwrap();
    assert!(matches!(MembershipKey::load(&path).unwrap_err(), KeyError::Mislabelled { .. }));
    write_key(PROVENANCE_DEV, CIRCUIT, &R1CS, &queries, &path).unwrap();
    assert_eq!(MembershipKey::load(&path).unwrap().provenance(), PROVENANCE_DEV);
}

#[test]
fn the_exported_key_comes_back_as_the_same_file_and_as_no_batchs() {
    let folder = Folder::new("exchange");
    let [r1cs, zkey, key, batch] = ["c.r1cs", "c.zkey", "back.key", "batch.zkey"].map(|name| folder.at(name));
    export_membership_circuit(DEPTH, &r1cs, &zkey).unwrap();
    import_membership_zkey(&zkey, DEPTH, &key).unwrap();
    assert!(fs::read(&key).unwrap() == *KEY_BYTES);
    assert!(fs::read(&r1cs).unwrap() == r1cs_to_bytes(&R1CS));
    export_circuit(1, DEPTH, &r1cs, &batch).unwrap();
    for error in [
        import_membership_zkey(&zkey, DEPTH + 1, &key).unwrap_err(),
        import_zkey(&zkey, 1, DEPTH, &key).unwrap_err(),
    ] {
        assert!(
            error.to_string().ends_with("c.zkey: the key is of another circuit: its wires differ"),
            "{error}"
        );
    }
    // Longer than any key of the small circuit: not even read.
    let error = import_membership_zkey(&batch, DEPTH, &key).unwrap_err();
    assert!(error.to_string().contains("batch.zkey: "), "{error}");
}

#[test]
fn a_key_that_nobody_contributed_to_is_not_imported() {
    let folder = Folder::new("nobody");
    let zkey = folder.at("some.zkey");
    fs::write(&zkey, zkey_to_bytes(&PRIVATE, &R1CS, &[7; 64])).unwrap();
    let error = import_membership_zkey(&zkey, DEPTH, &folder.at("no.key")).unwrap_err();
    assert!(matches!(error, ExchangeError::NoContributions { .. }), "{error}");
    let mut skipped = PRIVATE.clone();
    skipped.verifying_key.delta_g2 = skipped.verifying_key.gamma_g2;
    fs::write(&zkey, zkey_to_bytes(&skipped, &R1CS, &[7; 64])).unwrap();
    let error = import_membership_zkey(&zkey, DEPTH, &folder.at("no.key")).unwrap_err();
    assert!(error.to_string().contains("some.zkey: gamma = delta"), "{error}");
    assert!(!folder.at("no.key").exists());
}

#[test]
fn witness_and_phase_one_are_exported() {
    let folder = Folder::new("witness");
    export_membership_witness(&member(3), &folder.at("m.wtns")).unwrap();
    let public = member(3).public_inputs(state(DEPTH).root());
    let values = poe_core::circuit::membership::witness(&member(3), &public);
    assert_eq!(R1CS.is_satisfied(&values), Ok(()));
    assert!(fs::read(folder.at("m.wtns")).unwrap() == witness_to_bytes(&values));
    let torn = Membership { index: 2, ..member(3) };
    let error = export_membership_witness(&torn, &folder.at("m.wtns")).unwrap_err();
    assert!(matches!(error, ExchangeError::Membership(MembershipError::Path)), "{error}");
    export_membership_phase_one(1, &folder.at("one.ptau")).unwrap();
    assert!(fs::read(folder.at("one.ptau")).unwrap().starts_with(b"ptau"));
    assert!(export_membership_phase_one(0, &folder.at("none.ptau")).is_err());
}

#[test]
fn every_account_is_proven_and_nothing_else_by_its_proof() {
    let words = KEY.verifying_key_words().concat();
    for index in [0, 3] {
        let result = prove_membership(&KEY, &member(index), 1).unwrap();
        assert_eq!(result.public, member(index).public_inputs(state(DEPTH).root()));
        verify_proof(&words, &result.public, &result.proof).unwrap();
        for (position, other) in [(0, 1), (1, 1), (2, 1)] {
            let mut public = result.public;
            public[position] += Fr::from(other);
            assert_eq!(verify_proof(&words, &public, &result.proof), Err(VerifyError::Equation));
        }
        let mut moved = result.public;
        moved[1] += Fr::from(2u64).pow([160]);
        assert_eq!(verify_proof(&words, &moved, &result.proof), Err(VerifyError::Equation));
    }
}

#[test]
fn a_membership_that_does_not_fit_the_key_or_itself_is_refused() {
    let deeper = Membership::of(&mut state(DEPTH + 1), 3).unwrap();
    let error = prove_membership(&KEY, &deeper, 1).unwrap_err();
    assert_eq!(error.to_string(), "the account is in a tree of depth 3, the key is of depth 2");
    let mut richer = member(3);
    richer.account.balance += 1;
    let error = prove_membership(&KEY, &richer, 1).unwrap_err();
    assert!(matches!(error, ProveMembershipError::Membership(MembershipError::Path)));
    // Whoever writes bytes by hand meets the same refusal, and another account's bytes another proof.
    assert!(Membership::from_bytes(&richer.to_bytes()).is_err());
    let zero = field::to_bytes(&Fr::from(0u64));
    assert!(verify_proof(&[zero; 22].concat(), &member(3).public_inputs(Fr::from(1u64)), &[0; 256]).is_err());
}
