//! snarkjs's formats: what is written is read back, and hostile `.zkey` files are refused by what is wrong with them.
//! That snarkjs reads our files and we read its own is shown in tests/integration.
#![allow(clippy::unwrap_used)]

mod world;

use std::{fs, ops::Neg, path::PathBuf, sync::LazyLock};

use ark_bn254::{Fq, Fq2, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, PrimeField};
use poe_core::{
    circuit::{
        batch::compile,
        builder::{Compiler, ConstraintSystem},
        r1cs::R1cs,
    },
    field::Fr,
    groth16::{
        circuits::BatchCircuit,
        data_structures::Queries,
        generator::{DEV_SEED, generate},
        keys::{KeyError, PROVENANCE_DEV, ProvingKey, check_words, circuit_info, setup_dev_key, write_key},
        soundness::{KeyFault, check_verifying_key},
    },
    snarkjs::{
        ContributionFault, ExchangeError, FormatError, ZkeyError, export_circuit, export_phase_one,
        export_witness, import_zkey, r1cs_to_bytes, read_zkey, witness_to_bytes, zkey_to_bytes,
    },
};
use world::*;

const HASH: [u8; 64] = [7; 64];

struct Small {
    r1cs: R1cs,
    witness: Vec<Fr>,
    queries: Queries,
}

/// Products of earlier wires; three public inputs. `twist` changes one coefficient and no size.
fn small(twist: u64) -> Small {
    let (mut cs, mut nums) = Compiler::new(&[2, 3, 5].map(Fr::from));
    for i in 0..9u64 {
        let mut sum = nums[i as usize].scale(Fr::from(i + 2 + twist * u64::from(i == 4)));
        sum.add_scaled(&nums[i as usize / 2], Fr::from(11 + i));
        let product = cs.mul(&sum, &nums[(i as usize + 1) % nums.len()]);
        nums.push(product);
    }
    let (r1cs, witness) = cs.finish();
    r1cs.is_satisfied(&witness).unwrap();
    let queries = generate(&r1cs, &r1cs.hash(), b"a test's seed").unwrap();
    Small { r1cs, witness, queries }
}

static SMALL: LazyLock<Small> = LazyLock::new(|| small(0));
static ZKEY: LazyLock<Vec<u8>> = LazyLock::new(|| zkey_to_bytes(&SMALL.queries, &SMALL.r1cs, &HASH));

/// Each section as (position of its length, position of its body, length).
fn sections(bytes: &[u8]) -> Vec<(usize, usize, usize)> {
    let mut found = vec![];
    let mut at = 12;
    while at < bytes.len() {
        let length = u64::from_le_bytes(bytes[at + 4..at + 12].try_into().unwrap()) as usize;
        found.push((at + 4, at + 12, length));
        at += 12 + length;
    }
    found
}

fn body(bytes: &[u8], section: usize) -> usize {
    sections(bytes)[section - 1].1
}

/// The file with one section's body replaced.
fn with_section(section: usize, new: &[u8]) -> Vec<u8> {
    let (length_at, start, length) = sections(&ZKEY)[section - 1];
    let count = (new.len() as u64).to_le_bytes();
    [&ZKEY[..length_at], &count, new, &ZKEY[start + length..]].concat()
}

fn patched(at: usize, new: &[u8]) -> Vec<u8> {
    let mut bytes = ZKEY.clone();
    bytes[at..at + new.len()].copy_from_slice(new);
    bytes
}

fn refusal(bytes: &[u8]) -> ZkeyError {
    read_zkey(bytes, &SMALL.r1cs).unwrap_err()
}

fn refused_as_format(bytes: &[u8]) -> FormatError {
    match refusal(bytes) {
        ZkeyError::Format(error) | ZkeyError::Contribution(ContributionFault::Format(error)) => error,
        other => panic!("refused otherwise: {other}"),
    }
}

#[test]
fn a_key_comes_back_as_it_was_written() {
    let read = read_zkey(&ZKEY, &SMALL.r1cs).unwrap();
    assert!(read.queries == SMALL.queries);
    assert_eq!(read.contributions, 0);
}

#[test]
fn every_truncation_is_refused() {
    let edges =
        sections(&ZKEY).into_iter().flat_map(|(at, start, length)| [at - 4, at, start, start + length - 1]);
    for kept in edges.chain((0..ZKEY.len()).step_by(61)) {
        assert!(matches!(refused_as_format(&ZKEY[..kept]), FormatError::Truncated { .. }), "{kept}");
    }
}

#[test]
fn every_flipped_byte_is_refused() {
    // The recorded hash names a phase 1 that is not at hand: it is the one thing that cannot be checked here.
    let recorded = body(&ZKEY, 10)..body(&ZKEY, 10) + HASH.len();
    for position in (0..300).chain((300..ZKEY.len()).step_by(29)).filter(|at| !recorded.contains(at)) {
        let bytes = patched(position, &[ZKEY[position] ^ 0x20]);
        assert!(read_zkey(&bytes, &SMALL.r1cs).is_err(), "byte {position}");
    }
}

#[test]
fn claimed_sizes_allocate_nothing() {
    let huge = [0xff; 8];
    for (length_at, ..) in sections(&ZKEY) {
        assert!(matches!(refused_as_format(&patched(length_at, &huge)), FormatError::Truncated { .. }));
    }
    let counts = body(&ZKEY, 2) + 72;
    for (at, what) in [(0, "wires"), (4, "public inputs"), (8, "domains")] {
        assert_eq!(refusal(&patched(counts + at, &huge[..4])), ZkeyError::Circuit { what });
    }
    let what = "numbers of coefficients";
    assert_eq!(refusal(&patched(body(&ZKEY, 4), &huge[..4])), ZkeyError::Circuit { what });
    let contributions = patched(body(&ZKEY, 10) + 64, &huge[..4]);
    assert!(matches!(refused_as_format(&contributions), FormatError::Truncated { .. }));
    assert!(matches!(refused_as_format(&patched(8, &huge[..4])), FormatError::Count { .. }));
}

#[test]
fn sections_are_there_once_and_nothing_else_is() {
    let (second, tenth) = (sections(&ZKEY)[1].0 - 4, sections(&ZKEY)[9].0 - 4);
    let fault = |bytes: &[u8]| match refused_as_format(bytes) {
        FormatError::Section { section, fault } => (section, fault),
        other => panic!("{other}"),
    };
    assert_eq!(fault(&patched(second, &1u32.to_le_bytes())), (1, "there twice"));
    assert_eq!(fault(&patched(tenth, &11u32.to_le_bytes())), (11, "unknown"));
    assert_eq!(fault(&patched(tenth, &0u32.to_le_bytes())), (0, "unknown"));
    let longer = [ZKEY.as_slice(), &[0]].concat();
    assert!(matches!(refused_as_format(&longer), FormatError::Trailing { count: 1, .. }));
    assert_eq!(refused_as_format(&patched(0, b"wtns")), FormatError::Magic { wanted: "zkey" });
    assert_eq!(refused_as_format(&patched(4, &[2])), FormatError::Version { got: 2, wanted: 1 });
    assert_eq!(refusal(&patched(body(&ZKEY, 1), &[2])), ZkeyError::Protocol { got: 2 });
}

#[test]
fn a_section_longer_or_shorter_than_the_circuit_is_refused() {
    for (section, unit) in [(3, 64), (5, 64), (6, 64), (7, 128), (8, 64), (9, 64)] {
        let (_, start, length) = sections(&ZKEY)[section - 1];
        let more = [&ZKEY[start..start + length], &ZKEY[start..start + unit]].concat();
        for new in [&more[..], &more[..length - unit], &more[..length + 1]] {
            let error = refused_as_format(&with_section(section, new));
            assert!(matches!(error, FormatError::Count { .. }), "section {section}: {error}");
        }
    }
}

#[test]
fn fields_other_than_bn254s_are_refused() {
    let header = body(&ZKEY, 2);
    for at in [0, 4, 36, 40] {
        let error = refused_as_format(&patched(header + at, &[ZKEY[header + at] ^ 1]));
        assert!(matches!(error, FormatError::Field { .. }), "{error}");
    }
}

#[test]
fn numbers_are_below_their_fields_orders() {
    let modulus = |limbs: [u64; 4]| limbs.map(u64::to_le_bytes).concat();
    let coefficient = patched(body(&ZKEY, 4) + 4 + 12, &modulus(Fr::MODULUS.0));
    assert_eq!(refused_as_format(&coefficient), FormatError::Coefficient { index: 0 });
    let fault = "has a coordinate that is not below the field's order";
    let coordinate = patched(body(&ZKEY, 9) + 64, &modulus(Fq::MODULUS.0));
    assert_eq!(refused_as_format(&coordinate), FormatError::Point { what: "H", index: 1, fault });
}

/// A point of the twist outside the subgroup of order r, as bytes: its y found by square roots.
fn stray_g2() -> Vec<u8> {
    let stray = (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::from(1u64)), false))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .unwrap();
    [stray.x.c0, stray.x.c1, stray.y.c0, stray.y.c1]
        .iter()
        .flat_map(|c| c.0.0)
        .flat_map(u64::to_le_bytes)
        .collect()
}

#[test]
fn points_are_on_their_curves_and_in_their_subgroups() {
    let h = body(&ZKEY, 9);
    let off = refused_as_format(&patched(h, &[ZKEY[h] ^ 1]));
    assert_eq!(off, FormatError::Point { what: "H", index: 0, fault: "is not on the curve" });
    let infinite = refused_as_format(&patched(h + 64, &[0; 64]));
    assert_eq!(infinite, FormatError::Point { what: "H", index: 1, fault: "is the point at infinity" });
    let fault = "is outside the subgroup";
    let stray = refused_as_format(&patched(body(&ZKEY, 7) + 128, &stray_g2()));
    assert_eq!(stray, FormatError::Point { what: "B in G2", index: 1, fault });
    let beta = body(&ZKEY, 2) + 84 + 128;
    let stray = refused_as_format(&patched(beta, &stray_g2()));
    assert_eq!(stray, FormatError::Point { what: "beta", index: 0, fault });
}

#[test]
fn a_key_of_another_circuit_of_the_same_size_is_refused() {
    let other = small(1);
    assert_eq!(
        (other.r1cs.wires(), other.r1cs.constraints()),
        (SMALL.r1cs.wires(), SMALL.r1cs.constraints())
    );
    let bytes = zkey_to_bytes(&other.queries, &other.r1cs, &HASH);
    assert_eq!(refusal(&bytes), ZkeyError::Circuit { what: "coefficients" });
}

#[test]
fn the_order_of_coefficients_does_not_matter() {
    let start = body(&ZKEY, 4) + 4;
    let (first, second) = (&ZKEY[start..start + 44], &ZKEY[start + 44..start + 88]);
    read_zkey(&patched(start, &[second, first].concat()), &SMALL.r1cs).unwrap();
    assert_eq!(
        refusal(&patched(start, &[first, first].concat())),
        ZkeyError::Circuit { what: "coefficients" }
    );
}

#[test]
fn a_wire_that_a_matrix_mentions_has_a_point_there() {
    assert!(!SMALL.queries.a[0].is_zero());
    let erased = patched(body(&ZKEY, 5), &[0; 64]);
    assert_eq!(refusal(&erased), ZkeyError::Circuit { what: "wires in A and B" });
}

fn changed(change: impl FnOnce(&mut Queries)) -> ZkeyError {
    let mut queries = SMALL.queries.clone();
    change(&mut queries);
    refusal(&zkey_to_bytes(&queries, &SMALL.r1cs, &HASH))
}

#[test]
fn worthless_keys_are_refused_each_by_its_name() {
    let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
    let skipped = changed(|key| {
        (key.delta_g1, key.verifying_key.delta_g2) = (g1, g2);
    });
    assert_eq!(skipped, ZkeyError::Key(KeyFault::GammaEqualsDelta));
    let negated = changed(|key| key.verifying_key.gamma_g2 = key.verifying_key.delta_g2.neg());
    assert_eq!(negated, ZkeyError::Key(KeyFault::GammaEqualsDelta));
    let generator = changed(|key| {
        (key.delta_g1, key.verifying_key.delta_g2) = (g1.neg(), g2.neg());
        key.verifying_key.gamma_g2 = (g2 * Fr::from(3u64)).into_affine();
    });
    assert_eq!(generator, ZkeyError::Key(KeyFault::DeltaIsGenerator));
    let equal = changed(|key| key.verifying_key.ic[2] = key.verifying_key.ic[1]);
    assert_eq!(equal, ZkeyError::Key(KeyFault::IcEqual { first: 1, second: 2 }));
    let beta = changed(|key| key.beta_g1 = g1);
    assert_eq!(beta, ZkeyError::Key(KeyFault::Unpaired { what: "beta" }));
    let delta = changed(|key| key.delta_g1 = key.delta_g1.neg());
    assert_eq!(delta, ZkeyError::Key(KeyFault::Unpaired { what: "delta" }));
    for (what, error) in [
        ("alpha", changed(|key| key.verifying_key.alpha_g1 = G1Affine::identity())),
        ("gamma", changed(|key| key.verifying_key.gamma_g2 = G2Affine::identity())),
        ("delta", changed(|key| key.verifying_key.delta_g2 = G2Affine::identity())),
        ("IC", changed(|key| key.verifying_key.ic[3] = G1Affine::identity())),
    ] {
        assert_eq!(error.to_string(), format!("{what} is the point at infinity"));
    }
}

#[test]
fn ic_has_one_point_more_than_there_are_public_inputs() {
    let mut key = SMALL.queries.verifying_key.clone();
    check_verifying_key(&key, 3).unwrap();
    key.ic.pop();
    assert_eq!(check_verifying_key(&key, 3), Err(KeyFault::IcLength { got: 3, public_inputs: 3 }));
    let short = key.to_words();
    assert!(matches!(check_words(short.as_flattened(), &[0; 32], 9), Err(KeyFault::Encoding(_))));
}

/// One contribution's record after which δ is `delta`.
fn contribution(delta: G1Affine, kind: u32, parameters: &[u8]) -> Vec<u8> {
    let g1 = |point: G1Affine| [point.x, point.y].map(|c| c.0.0.map(u64::to_le_bytes).concat()).concat();
    let g2 = G2Affine::generator();
    let g2 = [g2.x.c0, g2.x.c1, g2.y.c0, g2.y.c1].map(|c| c.0.0.map(u64::to_le_bytes).concat()).concat();
    let generator = g1(G1Affine::generator());
    let length = (parameters.len() as u32).to_le_bytes();
    [&g1(delta)[..], &generator, &generator, &g2, &[9; 64], &kind.to_le_bytes(), &length, parameters].concat()
}

fn record(contributions: &[Vec<u8>]) -> Vec<u8> {
    let count = (contributions.len() as u32).to_le_bytes();
    [&HASH[..], &count, &contributions.concat()].concat()
}

#[test]
fn contributions_are_counted_and_the_last_one_is_the_keys() {
    let delta = SMALL.queries.delta_g1;
    let name = contribution(G1Affine::generator(), 0, b"\x01\x03bob");
    let beacon = contribution(delta, 1, b"\x01\x02it\x02\x0a\x03\x04\x01\x02\x03\x04");
    let good = with_section(10, &record(&[name.clone(), beacon.clone()]));
    assert_eq!(read_zkey(&good, &SMALL.r1cs).unwrap().contributions, 2);
    let fault = |contributions: &[Vec<u8>]| match refusal(&with_section(10, &record(contributions))) {
        ZkeyError::Contribution(fault) => fault,
        other => panic!("{other}"),
    };
    assert_eq!(fault(&[beacon, name]), ContributionFault::Delta);
    assert_eq!(fault(&[contribution(delta, 2, b"")]), ContributionFault::Type { index: 0, got: 2 });
    for parameters in
        [&b"\x01"[..], b"\x01\x05bob", b"\x02\x01\x02\x01", b"\x03\x00\x01\x00", b"\x04\x00", &[1; 999]]
    {
        let malformed = [contribution(delta, 0, b""), contribution(delta, 1, parameters)];
        assert_eq!(fault(&malformed), ContributionFault::Parameters { index: 1 });
    }
    let more = [record(&[contribution(delta, 0, b"")]), vec![0]].concat();
    assert!(matches!(refused_as_format(&with_section(10, &more)), FormatError::Trailing { .. }));
    let infinite = contribution(G1Affine::identity(), 0, b"");
    let infinite = [vec![0; 64], infinite[64..].to_vec()].concat();
    assert!(matches!(refused_as_format(&with_section(10, &record(&[infinite]))), FormatError::Point { .. }));
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("poe-snarkjs-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SLOTS: usize = 1;
const DEPTH: usize = 1;
const SHAPE: BatchCircuit = BatchCircuit { slots: SLOTS, depth: DEPTH };

#[test]
fn the_exported_development_key_comes_back_as_the_same_file() {
    let folder = Folder::new("development");
    let [r1cs, zkey, key, made] = ["c.r1cs", "c.zkey", "back.key", "made.key"].map(|name| folder.at(name));
    export_circuit(SLOTS, DEPTH, &r1cs, &zkey).unwrap();
    import_zkey(&zkey, SLOTS, DEPTH, &key).unwrap();
    setup_dev_key(SLOTS, DEPTH, &made).unwrap();
    assert!(fs::read(&key).unwrap() == fs::read(&made).unwrap());
    assert!(fs::read(&r1cs).unwrap() == r1cs_to_bytes(&compile(SLOTS, DEPTH).unwrap()));
    let error = import_zkey(&zkey, SLOTS, DEPTH + 1, &key).unwrap_err();
    assert!(
        error.to_string().ends_with("c.zkey: the key is of another circuit: its wires differ"),
        "{error}"
    );
}

#[test]
fn a_ceremonys_key_says_so_and_one_without_contributions_is_refused() {
    let folder = Folder::new("ceremony");
    let (zkey, key) = (folder.at("some.zkey"), folder.at("some.key"));
    let r1cs = compile(SLOTS, DEPTH).unwrap();
    let queries = generate(&r1cs, &r1cs.hash(), b"somebody's secret").unwrap();
    let bytes = zkey_to_bytes(&queries, &r1cs, &HASH);
    fs::write(&zkey, &bytes).unwrap();
    let error = import_zkey(&zkey, SLOTS, DEPTH, &key).unwrap_err();
    assert!(matches!(error, ExchangeError::NoContributions { .. }), "{error}");
    assert!(!key.exists());
    let recorded = record(&[contribution(queries.delta_g1, 0, b"")]);
    let (at, start, _) = sections(&bytes)[9];
    let length = (recorded.len() as u64).to_le_bytes();
    fs::write(&zkey, [&bytes[..at], &length, &recorded].concat()).unwrap();
    assert_eq!(at + 8, start);
    import_zkey(&zkey, SLOTS, DEPTH, &key).unwrap();
    assert_eq!(ProvingKey::load(&key).unwrap().provenance(), "ceremony-1");
}

#[test]
fn a_file_longer_than_any_key_of_the_circuit_is_not_read() {
    let folder = Folder::new("long");
    let zkey = folder.at("long.zkey");
    fs::File::create(&zkey).unwrap().set_len(1 << 40).unwrap();
    let error = import_zkey(&zkey, SLOTS, DEPTH, &folder.at("no.key")).unwrap_err();
    assert!(matches!(error, ExchangeError::TooLong { .. }), "{error}");
    let missing = import_zkey(&folder.at("missing.zkey"), SLOTS, DEPTH, &folder.at("no.key")).unwrap_err();
    assert!(missing.to_string().contains("missing.zkey"));
}

/// Contributions after a published phase 1 leave 1/δ known: such a key may not pass for a ceremony's.
#[test]
fn a_key_of_the_published_seed_cannot_pass_for_a_ceremonys() {
    let folder = Folder::new("mislabelled");
    let path = folder.at("liar.key");
    let r1cs = compile(SLOTS, DEPTH).unwrap();
    let mut queries = generate(&r1cs, &r1cs.hash(), DEV_SEED).unwrap();
    let (factor, inverse) = (Fr::from(5u64), Fr::from(5u64).inverse().unwrap());
    let key = &mut queries.verifying_key;
    key.delta_g2 = (key.delta_g2 * factor).into_affine();
    queries.delta_g1 = (queries.delta_g1 * factor).into_affine();
    for point in queries.c.iter_mut().chain(&mut queries.h) {
        *point = (*point * inverse).into_affine();
    }
    let circuit = circuit_info(SLOTS, DEPTH).unwrap();
    let words = queries.verifying_key.to_words();
    assert!(check_words(words.as_flattened(), &circuit.hash, circuit.constraints).unwrap());
    write_key("ceremony-3", SHAPE, &r1cs, &queries, &path).unwrap();
    let error = ProvingKey::load(&path).unwrap_err();
    assert!(matches!(error, KeyError::Mislabelled { .. }), "{error}");
    write_key(PROVENANCE_DEV, SHAPE, &r1cs, &queries, &path).unwrap();
    assert_eq!(ProvingKey::load(&path).unwrap().provenance(), PROVENANCE_DEV);
    // The lie's other form: a `.zkey` with a contribution.
    let record = record(&[contribution(queries.delta_g1, 0, b"")]);
    let bytes = zkey_to_bytes(&queries, &r1cs, &HASH);
    let at = sections(&bytes)[9].0;
    let zkey = folder.at("liar.zkey");
    fs::write(&zkey, [&bytes[..at], &(record.len() as u64).to_le_bytes(), &record].concat()).unwrap();
    import_zkey(&zkey, SLOTS, DEPTH, &path).unwrap();
    assert_eq!(ProvingKey::load(&path).unwrap().provenance(), PROVENANCE_DEV);
}

#[test]
fn a_worthless_key_file_is_not_loaded() {
    let folder = Folder::new("worthless");
    let path = folder.at("skipped.key");
    let r1cs = compile(SLOTS, DEPTH).unwrap();
    let mut queries = generate(&r1cs, &r1cs.hash(), b"a test's seed").unwrap();
    queries.verifying_key.delta_g2 = queries.verifying_key.gamma_g2;
    write_key("ceremony-3", SHAPE, &r1cs, &queries, &path).unwrap();
    let error = ProvingKey::load(&path).unwrap_err();
    assert!(matches!(error, KeyError::Unsound { source: KeyFault::GammaEqualsDelta, .. }), "{error}");
    assert!(error.to_string().contains("skipped.key: gamma = delta"));
}

#[test]
fn circuits_and_witnesses_are_written_number_by_number() {
    let bytes = witness_to_bytes(&SMALL.witness);
    let values = &bytes[body(&bytes, 2)..];
    let read: Vec<Fr> = values.chunks(32).map(Fr::from_le_bytes_mod_order).collect();
    assert_eq!(read, SMALL.witness);
    let bytes = r1cs_to_bytes(&SMALL.r1cs);
    let mut rest = &bytes[body(&bytes, 2)..];
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at(count);
        rest = after;
        taken
    };
    for constraint in 0..SMALL.r1cs.constraints() {
        for matrix in &SMALL.r1cs.matrices {
            assert_eq!(take(4), (matrix.row(constraint).len() as u32).to_le_bytes());
            for (wire, coefficient) in matrix.row(constraint) {
                assert_eq!(take(4), wire.to_le_bytes());
                assert_eq!(Fr::from_le_bytes_mod_order(take(32)), coefficient);
            }
        }
    }
}

#[test]
fn a_witness_is_exported_of_the_trace_that_the_statement_tells_of() {
    let folder = Folder::new("witness");
    let path = folder.at("batch.wtns");
    let executed = execute(&mut funded(DEPTH, &[100]), 0, 0, &[signed(&transfer(0, 0, 5, 1, 0))]);
    export_witness(&executed.trace, &executed.statement, &path).unwrap();
    assert!(fs::read(&path).unwrap() == witness_to_bytes(&executed.witness()));
    let mut other = executed.statement.clone();
    other[2][31] ^= 1;
    let error = export_witness(&executed.trace, &other, &path).unwrap_err();
    assert!(matches!(error, ExchangeError::Prove(_)), "{error}");
    let error = export_phase_one(0, 0, &path).unwrap_err();
    assert!(matches!(error, ExchangeError::Key(KeyError::Shape(_))), "{error}");
}
