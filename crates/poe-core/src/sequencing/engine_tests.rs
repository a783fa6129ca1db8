//! The engine from outside: what it says, what it keeps, what it gives back.

use std::{fs, path::PathBuf};

use ark_ff::AdditiveGroup;

use super::{super::workload, *};
use crate::{
    batch::Batch,
    outcome::Outcome,
    state::State,
    transaction::{KIND_DEPOSIT, KIND_EXIT, WordZero},
    transition,
};

const ACCOUNTS: u64 = 8;
const SLOTS: usize = 4;

fn rules() -> Rules {
    Rules {
        slots: SLOTS,
        depth: 3,
        domain: Fr::from(77u64),
        fee_account: 0,
        pool_transactions: 1000,
        pool_per_account: 64,
        pool_seconds: 60.0,
        kept_batches: 16,
        max_unposted: 200,
    }
}

fn frame(first: u64, count: u64) -> Vec<u8> {
    workload::signed_transfers(ACCOUNTS, first, count, rules().domain)
}

fn engine(path: Option<&Path>) -> Engine {
    Engine::open(rules(), path, workload::genesis(ACCOUNTS), 0.0).expect("opens")
}

/// A file of its own that is gone at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> Self {
        let file = std::env::temp_dir().join(format!("poe-{name}-{}.redb", std::process::id()));
        let _ = fs::remove_file(&file);
        Self(file)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn accept(engine: &Engine, first: u64, count: u64) {
    let codes = engine.admit(&frame(first, count), 0.0).expect("a frame");
    assert_eq!(codes, vec![Code::Accepted; count as usize]);
}

fn seal_all(engine: &Engine) -> Option<(u64, u64)> {
    let mut cut: Option<(u64, u64)> = None;
    while let Some((first, last)) = engine.seal(Queue::default(), 1000, true).expect("seals") {
        cut = Some((cut.map_or(first, |(first, _)| first), last));
    }
    cut
}

/// The same batches by the transition that provers execute.
fn replayed(engine: &Engine) -> Fr {
    let mut state = State::with_accounts(3, 8, workload::genesis(ACCOUNTS)).expect("genesis");
    let height = engine.standing().expect("stands").height;
    for number in 1..=height {
        let sealed = engine.batch(number).expect("reads").expect("kept");
        let batch = Batch::new(sealed.header, &sealed.data).expect("well-formed");
        let execution = transition::execute(&mut state, &batch, rules().domain).expect("executes");
        let outcomes: Vec<Outcome> = execution.trace.slots.iter().map(|slot| slot.outcome).collect();
        assert_eq!(outcomes, sealed.outcomes);
        assert_eq!(execution.trace.exits(), sealed.exits);
        assert_eq!((execution.fees, execution.trace.burnt), (sealed.fees, sealed.burnt));
        assert_eq!(sealed.root.unwrap_or(execution.trace.new_root), execution.trace.new_root);
        assert_eq!(batch.hash(), sealed.hash);
    }
    state.root()
}

#[test]
fn accepted_transfers_are_sealed_as_provers_will_execute_them() {
    let engine = engine(None);
    accept(&engine, 0, 30);
    assert_eq!(seal_all(&engine), Some((1, 8)));
    let standing = engine.standing().expect("stands");
    assert_eq!((standing.height, standing.transactions, standing.waiting), (8, 30, 0));
    assert_eq!(engine.root().expect("root"), replayed(&engine));
    assert_eq!(seal_all(&engine), None);
}

#[test]
fn only_full_batches_are_cut_unless_asked() {
    let engine = engine(None);
    accept(&engine, 0, 7);
    assert_eq!(engine.seal(Queue::default(), 10, false).expect("seals"), Some((1, 1)));
    assert_eq!(engine.standing().expect("stands").ready, 3);
    assert_eq!(seal_all(&engine), Some((2, 2)));
}

#[test]
fn each_wrong_slot_of_a_frame_has_its_code() {
    let engine = engine(None);
    let good = frame(0, 5);
    let (slots, _) = good.as_chunks::<SLOT_BYTES>();
    let stranger = workload::signed_transfers(60, 50, 1, rules().domain);
    let foreign = workload::signed_transfers(ACCOUNTS, 5, 1, Fr::from(78u64));
    let mut unreduced = slots[1];
    unreduced[32..64].fill(0xff);
    let mut reserved = slots[1];
    reserved[2] = 1;
    let mixed = [&slots[0][..], &foreign, &unreduced, &reserved, &[0; 128], &stranger, &slots[0], &slots[2]];
    let codes = engine.admit(&mixed.concat(), 0.0).expect("a frame");
    let wanted = [
        Code::Accepted,
        Code::BadSignature,
        Code::Malformed,
        Code::Malformed,
        Code::Malformed,
        Code::UnknownSender,
        Code::Accepted,
        Code::Accepted,
    ];
    assert_eq!(codes, wanted);
    assert_eq!(engine.standing().expect("stands").waiting, 2);
    for length in [0, 1, 127, 129] {
        assert!(
            matches!(engine.admit(&vec![0; length], 0.0), Err(EngineError::Frame { got }) if got == length)
        );
    }
}

#[test]
fn a_restart_comes_back_to_batches_pool_and_root() {
    let file = File::new("restart");
    let (root, head) = {
        let engine = engine(Some(&file.0));
        accept(&engine, 0, 21);
        engine.seal(Queue::default(), 3, false).expect("seals");
        (engine.root().expect("root"), engine.head().expect("head"))
    };
    let engine = engine(Some(&file.0));
    let standing = engine.standing().expect("stands");
    assert_eq!((standing.height, standing.durable, standing.waiting), (3, 3, 9));
    assert_eq!((engine.root().expect("root"), engine.head().expect("head")), (root, head));
    assert_eq!(seal_all(&engine), Some((4, 6)));
    assert_eq!(engine.root().expect("root"), replayed(&engine));
    assert_eq!(engine.standing().expect("stands").transactions, 21);
}

#[test]
fn batches_that_l1_has_and_nobody_will_undo_move_into_the_base() {
    let file = File::new("base");
    let (total, root) = {
        let engine = engine(Some(&file.0));
        for round in 0..30 {
            accept(&engine, round * 16, 16);
            let (_, last) = seal_all(&engine).expect("sealed");
            engine.set_posted(last).expect("posted");
        }
        let standing = engine.standing().expect("stands");
        assert_eq!((standing.height, standing.transactions), (120, 480));
        assert!(standing.base >= 64 && standing.base <= 104, "{}", standing.base);
        (engine.total_balance().expect("total"), engine.root().expect("root"))
    };
    let engine = engine(Some(&file.0));
    let standing = engine.standing().expect("stands");
    assert_eq!((standing.height, standing.transactions), (120, 480));
    assert_eq!((engine.total_balance().expect("total"), engine.root().expect("root")), (total, root));
    assert!(engine.batch(standing.base).expect("reads").is_none());
    assert!(engine.batch(standing.base + 1).expect("reads").is_some());
}

#[test]
fn batches_that_are_not_posted_are_never_let_go() {
    let engine = engine(None);
    for round in 0..30 {
        accept(&engine, round * 16, 16);
        seal_all(&engine).expect("sealed");
    }
    assert_eq!(engine.standing().expect("stands").base, 0);
    assert_eq!(engine.root().expect("root"), replayed(&engine));
}

#[test]
fn undone_batches_wait_again_and_are_not_on_disk() {
    let file = File::new("undo");
    {
        let engine = engine(Some(&file.0));
        accept(&engine, 0, 16);
        seal_all(&engine).expect("sealed");
        let kept = engine.batch(2).expect("reads").expect("kept").hash;
        assert_eq!(engine.truncate(2, 0.0).expect("undone"), 0);
        let standing = engine.standing().expect("stands");
        assert_eq!((standing.height, standing.waiting, standing.transactions), (2, 8, 8));
        assert_eq!(engine.head().expect("head").0, kept);
        assert!(engine.batch(3).expect("reads").is_none());
    }
    let engine = engine(Some(&file.0));
    let standing = engine.standing().expect("stands");
    assert_eq!((standing.height, standing.waiting), (2, 8));
    assert_eq!(seal_all(&engine), Some((3, 4)));
    assert_eq!(engine.root().expect("root"), replayed(&engine));
    assert!(matches!(
        engine.truncate(5, 0.0),
        Err(EngineError::Seal(SealError::NotKept { number: 5, base: 0, height: 4 }))
    ));
}

#[test]
fn a_full_pool_pushes_back_and_says_when_posting_is_why() {
    let rules = Rules { pool_transactions: 8, max_unposted: 1, ..rules() };
    let engine = Engine::open(rules, None, workload::genesis(ACCOUNTS), 0.0).expect("opens");
    let codes = engine.admit(&frame(0, 10), 0.0).expect("a frame");
    assert_eq!(codes[8..], [Code::Full; 2]);
    assert_eq!(seal_all(&engine), Some((1, 1)), "no second one before the first is posted");
    assert_eq!(seal_all(&engine), None);
    let codes = engine.admit(&frame(8, 8), 0.0).expect("a frame");
    assert_eq!(codes[..4], [Code::Accepted; 4]);
    assert_eq!(codes[4..], [Code::Behind; 4]);
    assert_eq!(engine.admit(&frame(12, 1), 0.0).expect("a frame"), [Code::Behind], "before its signature");
    engine.set_posted(1).expect("posted");
    assert_eq!(seal_all(&engine), Some((2, 2)));
}

#[test]
fn what_waits_too_long_is_forgotten() {
    let engine = engine(None);
    engine.admit(&frame(0, 3), 5.0).expect("a frame");
    assert_eq!(engine.expire(65.0).expect("expires"), 0);
    assert_eq!(engine.expire(65.1).expect("expires"), 3);
    assert_eq!(engine.standing().expect("stands").waiting, 0);
}

#[test]
fn batches_cut_after_an_undo_do_not_count_as_posted() {
    let rules = Rules { kept_batches: 1, ..rules() };
    let engine = Engine::open(rules, None, workload::genesis(ACCOUNTS), 0.0).expect("opens");
    accept(&engine, 0, 16);
    seal_all(&engine).expect("sealed");
    engine.set_posted(4).expect("posted");
    engine.truncate(0, 0.0).expect("undone");
    (1..20).for_each(|round| accept(&engine, round * 16, 16));
    let (_, last) = seal_all(&engine).expect("sealed");
    assert_eq!(engine.standing().expect("stands").base, 0);
    assert!((1..=last).all(|number| engine.batch(number).expect("reads").is_some()));
}

fn entry(kind: u8, from: u64, to: u64, words: [Fr; 3]) -> Slot {
    let fields = WordZero { kind, from, to, amount: 500, ..WordZero::default() };
    let word = fields.pack().expect("fits");
    let bytes = [word, words[0], words[1], words[2]].map(|element| field::to_bytes(&element)).concat();
    bytes.try_into().expect("128 bytes")
}

#[test]
fn entries_of_the_queue_come_first_and_overtake_what_waits() {
    let engine = engine(None);
    accept(&engine, 0, 4);
    let deposit = entry(KIND_DEPOSIT, 0, 9, [1u64, 2, 3].map(Fr::from));
    let exit = entry(KIND_EXIT, 1, 0, [Fr::from(2u64), Fr::ZERO, Fr::ZERO]);
    let forced: Slot = frame(0, 1).try_into().expect("one slot");
    let queue = Queue { deposits: 1, forced: 1, slots: vec![deposit, exit, forced], end: 3 };
    assert_eq!(engine.seal(queue.clone(), 10, true).expect("seals"), Some((1, 1)));
    let sealed = engine.batch(1).expect("reads").expect("kept");
    assert_eq!((sealed.drained(), sealed.outcomes.clone()), (3, vec![Outcome::Applied; 4]));
    assert_eq!(sealed.exits.len(), 1);
    assert_eq!(engine.standing().expect("stands").waiting, 2, "one sealed, one overtaken by its own like");
    assert_eq!(engine.root().expect("root"), replayed(&engine));
    let again = engine.seal(queue, 10, true);
    assert!(matches!(again, Err(EngineError::Seal(SealError::Queue { .. }))), "the queue has moved on");
}

#[test]
fn an_ordered_batch_is_judged_whole_and_overtakes() {
    let ours = engine(None);
    accept(&ours, 0, 4);
    let theirs = engine(None);
    accept(&theirs, 0, 2);
    seal_all(&theirs).expect("sealed");
    let sealed = theirs.batch(1).expect("reads").expect("kept");
    let mut data = sealed.data.clone();
    data[2 * SLOT_BYTES..3 * SLOT_BYTES].copy_from_slice(&workload::signed_transfers(
        ACCOUNTS,
        2,
        1,
        Fr::from(78u64),
    ));
    assert_eq!(ours.extend(sealed.header, &data, 0).expect("executes"), 0);
    let taken = ours.batch(1).expect("reads").expect("kept");
    let (applied, empty) = (Outcome::Applied, Outcome::Empty);
    assert_eq!(taken.outcomes, [applied, applied, Outcome::BadSignature, empty]);
    assert_eq!(ours.standing().expect("stands").waiting, 2);
    assert_eq!(ours.root().expect("root"), replayed(&ours));
}

#[test]
fn a_store_of_another_chain_is_not_taken_up() {
    let file = File::new("foreign");
    drop(engine(Some(&file.0)));
    let other = Rules { domain: Fr::from(1u64), ..rules() };
    let opened = Engine::open(other, Some(&file.0), Vec::new(), 0.0);
    assert!(matches!(opened, Err(EngineError::Store(StoreError::Foreign))));
    let held = engine(Some(&file.0));
    let second = Engine::open(rules(), Some(&file.0), Vec::new(), 0.0);
    assert!(matches!(second, Err(EngineError::Store(StoreError::Io(_)))), "one process at a time");
    drop(held);
}

#[test]
fn a_batch_on_disk_decodes_to_itself_and_every_truncation_is_refused() {
    let engine = engine(None);
    accept(&engine, 0, 3);
    seal_all(&engine).expect("sealed");
    let sealed = engine.batch(1).expect("reads").expect("kept");
    let bytes = sealed.to_bytes();
    let stored = Sealed { written: Default::default(), ..sealed };
    assert_eq!(Sealed::from_bytes(&bytes), Ok(stored));
    for length in 0..bytes.len() {
        assert!(Sealed::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn frames_from_many_threads_are_all_sealed_once() {
    let engine = engine(None);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let engine = &engine;
            scope.spawn(move || {
                (0..5).for_each(|i| {
                    engine.admit(&frame((thread * 5 + i) * ACCOUNTS, ACCOUNTS), 0.0).expect("a frame");
                    engine.seal(Queue::default(), 2, false).expect("seals");
                });
            });
        }
    });
    seal_all(&engine);
    let standing = engine.standing().expect("stands");
    assert_eq!((standing.transactions, standing.waiting), (20 * ACCOUNTS, 0));
    assert_eq!(engine.root().expect("root"), replayed(&engine));
}
