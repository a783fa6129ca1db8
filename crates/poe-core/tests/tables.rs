//! Files of tables: made once, taken when right, made anew when anything about them is wrong.
#![allow(clippy::unwrap_used)]

mod circuits;
mod world;

use std::{
    fs,
    path::{Path as FilePath, PathBuf},
    sync::LazyLock,
};

use circuits::Setup;
use poe_core::{
    field::Fr,
    groth16::{
        batch::{ProveError, prove_batch},
        engine::{Path, Stop, Stopped, with_threads},
        keys::{ProvingKey, setup_dev_key},
        machine::Machine,
        prepared::PreparedKey,
        prover::Blinding,
        tables::{Found, TableSize, Tables},
    },
};
use world::{execute, funded, signed, transfer};

const PAGE_BYTES: usize = 4096;

static SETUP: LazyLock<Setup> = LazyLock::new(|| Setup::new(1, 40));

/// A cache of its own, removed at the end.
struct Cache(PathBuf);

impl Cache {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("poe-tables-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A file that ends in a checksum, as far as tables care.
    fn key(&self, name: &str, checksum: u8) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, [&b"some key"[..], &[checksum; 32]].concat()).unwrap();
        path
    }

    fn files(&self, ending: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<PathBuf> =
            entries.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
        files.sort();
        files
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(key: &FilePath, size: TableSize) -> (Machine, Found) {
    let tables = Tables::find(key, size).map(Ok);
    let tables = tables.unwrap_or_else(|| Tables::open(SETUP.source(), key, size, &Stop::new())).unwrap();
    let found = tables.found();
    (Machine::new(tables, Path::detect()).unwrap(), found)
}

/// The machine proves as the plain prover does.
fn check(machine: &Machine) {
    let witness = SETUP.witness([5u64, 6, 7].map(Fr::from));
    assert_eq!(machine.prove(&witness, &Stop::new()), Ok(SETUP.plain(&witness, Blinding::default())));
}

#[test]
fn tables_are_made_once_and_then_mapped() {
    let cache = Cache::new("once");
    let key = cache.key("a.key", 1);
    for size in [TableSize::Full, TableSize::Small] {
        let (machine, found) = open(&key, size);
        assert_eq!(found, Found::Made);
        check(&machine);
        let (again, found) = open(&key, size);
        assert_eq!(found, Found::Kept);
        assert!(again.tables().is_mapped() && again.tables().is_intact());
        assert_eq!(again.tables().circuit(), machine.tables().circuit());
        assert_eq!(again.tables().circuit().verifying_key, SETUP.queries.verifying_key);
        assert_eq!(again.tables().circuit().label, b"a test's circuit");
        assert_eq!(again.tables().size(), size);
        check(&again);
    }
    assert_eq!(cache.files(".tables").len(), 2);
    assert_eq!(cache.files(".partial").len(), 0);
}

#[test]
fn small_tables_are_smaller_and_none_exceeds_what_was_foretold() {
    let [full, small] = [TableSize::Full, TableSize::Small].map(|size| {
        let tables = Tables::in_memory(SETUP.source(), size, &Stop::new()).unwrap();
        assert!(tables.size_bytes() <= size.size_bytes(SETUP.queries.a.len(), SETUP.queries.h.len()));
        assert!(!tables.is_mapped() && tables.is_intact());
        tables.size_bytes()
    });
    assert!(small < full);
}

#[test]
fn a_file_that_is_not_right_is_made_anew() {
    let cache = Cache::new("wrong");
    let key = cache.key("a.key", 1);
    open(&key, TableSize::Small);
    let [path] = cache.files(".tables").try_into().unwrap();
    let good = fs::read(&path).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let header_fields = [0, 8, 12, 16, 47, 48, 79, 80, 111, 112, 143];
    let wrong = header_fields.map(flipped).into_iter().chain([
        vec![],
        good[..100].to_vec(),
        good[..PAGE_BYTES].to_vec(),
        good[..good.len() - 1].to_vec(),
        [&good[..], &[0]].concat(),
        flipped(PAGE_BYTES), // the first table's own header
    ]);
    for (i, bytes) in wrong.enumerate() {
        fs::write(&path, bytes).unwrap();
        let (machine, found) = open(&key, TableSize::Small);
        assert_eq!(found, Found::Made, "wrong file {i}");
        drop(machine);
        assert!(fs::read(&path).unwrap() == good, "wrong file {i}");
    }
    check(&open(&key, TableSize::Small).0);
}

#[test]
fn the_tables_of_another_key_or_size_are_not_taken() {
    let cache = Cache::new("foreign");
    let (one, other) = (cache.key("a.key", 1), cache.key("b.key", 2));
    open(&one, TableSize::Small);
    open(&one, TableSize::Full);
    open(&other, TableSize::Small);
    let [full, small, foreign] = cache.files(".tables").try_into().unwrap();
    for source in [full, foreign] {
        fs::copy(source, &small).unwrap();
        assert_eq!(open(&one, TableSize::Small).1, Found::Made);
    }
    // Another key under the same name has another checksum, so its tables have another name.
    cache.key("a.key", 3);
    assert_eq!(open(&one, TableSize::Small).1, Found::Made);
}

#[test]
fn damage_in_the_tables_is_found_and_ends_the_file() {
    let cache = Cache::new("damage");
    let key = cache.key("a.key", 1);
    open(&key, TableSize::Small);
    let [path] = cache.files(".tables").try_into().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (machine, found) = open(&key, TableSize::Small);
    assert_eq!(found, Found::Kept, "nobody hashes a gigabyte at each start");
    assert!(!machine.tables().is_intact());
    assert!(!path.exists());
    assert_eq!(open(&key, TableSize::Small).1, Found::Made);
}

#[test]
fn without_room_for_a_file_tables_are_made_in_memory() {
    let cache = Cache::new("room");
    let key = cache.key("a.key", 1);
    open(&key, TableSize::Small);
    let [path] = cache.files(".tables").try_into().unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap(); // in the way of the file, for root too
    let (machine, found) = open(&key, TableSize::Small);
    assert_eq!(found, Found::Private);
    assert!(!machine.tables().is_mapped());
    check(&machine);
    assert_eq!(cache.files(".partial").len(), 0);
}

#[test]
fn without_a_place_for_a_lock_or_a_key_tables_are_made_in_memory() {
    let cache = Cache::new("lock");
    let key = cache.key("a.key", 1);
    fs::create_dir(cache.0.join("a.key.lock")).unwrap();
    assert_eq!(open(&key, TableSize::Small).1, Found::Private);
    let none = cache.0.join("none.key");
    assert_eq!(open(&none, TableSize::Small).1, Found::Private);
}

#[test]
fn making_tables_can_be_stopped_and_leaves_nothing() {
    let cache = Cache::new("stopped");
    let key = cache.key("a.key", 1);
    let stop = Stop::new();
    stop.set();
    let made = Tables::open(SETUP.source(), &key, TableSize::Small, &stop);
    assert!(matches!(made, Err(Stopped)));
    assert_eq!(cache.files(".tables").len() + cache.files(".partial").len(), 0);
    assert_eq!(open(&key, TableSize::Small).1, Found::Made);
}

#[test]
fn processes_that_want_the_same_tables_make_them_once() {
    let cache = Cache::new("race");
    let key = cache.key("a.key", 1);
    let found: Vec<Found> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| open(&key, TableSize::Small).1)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(found.iter().filter(|found| **found == Found::Made).count(), 1);
    assert_eq!(found.iter().filter(|found| **found == Found::Kept).count(), 3);
}

#[test]
fn names_of_sizes_and_arithmetics_that_do_not_exist_are_refused() {
    let cache = Cache::new("names");
    let path = cache.0.join("1x1.key");
    setup_dev_key(1, 1, &path).unwrap();
    let refused =
        |tables, arithmetic| PreparedKey::open(&path, tables, arithmetic, 1).err().unwrap().to_string();
    assert!(refused("big", "auto").contains("\"big\""));
    assert!(refused("full", "abacus").contains("\"abacus\""));
}

#[test]
fn what_is_no_key_cannot_be_made_ready() {
    let cache = Cache::new("no-key");
    let open = |path: &FilePath| PreparedKey::open(path, "small", "auto", 1).err().unwrap().to_string();
    assert!(open(&cache.key("a.key", 1)).contains("not a key file"));
    assert!(open(&cache.0.join("none.key")).contains("none.key"));
}

#[test]
fn a_batch_is_proven_with_tables_and_damaged_ones_are_told_from_a_bad_witness() {
    let cache = Cache::new("batch");
    let path = cache.0.join("1x1.key");
    setup_dev_key(1, 1, &path).unwrap();
    let key = ProvingKey::load(&path).unwrap();
    let executed = execute(&mut funded(1, &[100, 100]), 0, 1, &[signed(&transfer(0, 1, 10, 1, 0))]);
    let plain = prove_batch(&key, &executed.trace, &executed.statement, 2).unwrap().proof;
    let open = || PreparedKey::open(&path, "small", "auto", 2).unwrap();
    let prove =
        |key: &PreparedKey, stop: &Stop| key.prove_batch(&executed.trace, &executed.statement, 2, stop);
    for found in [Found::Made, Found::Kept] {
        let prepared = open();
        assert_eq!(prepared.machine().tables().found(), found);
        assert_eq!((prepared.slots(), prepared.depth()), (1, 1));
        assert_eq!(prepared.circuit_hash(), key.circuit_hash());
        assert_eq!(prepared.provenance(), key.provenance());
        assert_eq!(prepared.verifying_key().to_words(), key.verifying_key_words());
        assert_eq!(prove(&prepared, &Stop::new()).unwrap().proof, plain);
        let stop = Stop::new();
        stop.set();
        assert!(matches!(prove(&prepared, &stop), Err(ProveError::Stopped(Stopped))));
    }

    let [tables] = cache.files(".tables").try_into().unwrap();
    let good = fs::read(&tables).unwrap();
    let mut bytes = good.clone();
    // Every row of A's first thousand bases, whose table comes first, behind its columns: some digit needs one of them.
    let rows = PAGE_BYTES + 64 + (4 * key.wires()).next_multiple_of(64);
    bytes[rows..].iter_mut().step_by(64).take(20_000).for_each(|byte| *byte ^= 1);
    fs::write(&tables, bytes).unwrap();
    let damaged = open();
    assert_eq!(damaged.machine().tables().found(), Found::Kept);
    assert!(matches!(prove(&damaged, &Stop::new()), Err(ProveError::Tables)));
    assert!(!tables.exists());
    assert_eq!(prove(&open(), &Stop::new()).unwrap().proof, plain);
    assert!(fs::read(&tables).unwrap() == good, "made anew");
}

#[test]
fn tables_are_the_same_on_any_number_of_threads() {
    let cache = Cache::new("threads");
    let made = [1, 3].map(|threads| {
        let key = cache.key(&format!("{threads}.key"), threads as u8);
        let (machine, _) = with_threads(threads, || open(&key, TableSize::Full)).unwrap();
        machine.tables().circuit().clone()
    });
    assert_eq!(made[0], made[1]);
    let [one, three] = cache.files(".tables").try_into().unwrap();
    let bodies = [one, three].map(|path| fs::read(path).unwrap()[PAGE_BYTES..].to_vec());
    assert!(bodies[0] == bodies[1]);
}
