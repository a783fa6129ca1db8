//! Batches that between them bring every gadget to work: what the mutations start from.

use ark_ff::{Field, PrimeField};

use super::random::Random;
use crate::{
    account::Account,
    babyjubjub::subgroup_order,
    batch::{Batch, Header, Word, word},
    circuit::batch::ShapeError,
    eddsa,
    field::{self, Fr},
    state::State,
    statement::{Facts, PublicInputs, public_inputs, words},
    trace::BatchTrace,
    transaction::{self, KIND_DEPOSIT, KIND_EXIT, KIND_TRANSFER, WordZero},
    transition,
};

/// An executed batch with everything its witness takes.
#[derive(Debug)]
pub struct Content {
    pub name: &'static str,
    pub trace: BatchTrace,
    pub ctx: Fr,
    pub public: PublicInputs,
}

/// The accounts that all contents start from: two that can spend, and one whose key is the identity.
#[derive(Debug, Clone, Copy)]
struct Cast {
    alice: u64,
    bob: u64,
    keyless: u64,
    /// No account exists there.
    nobody: u64,
}

type Slot = [Word; 4];

struct Draft {
    name: &'static str,
    deposits: usize,
    forced: usize,
    fee_account: u64,
    slots: Vec<Slot>,
}

const NONCES: [u32; 3] = [7, 0, 3];

/// The contents of a shape: valid transactions, invalid ones, the queue's slots, and noise.
pub fn contents(slots: usize, depth: usize, seed: u64) -> Result<Vec<Content>, ShapeError> {
    let error = ShapeError { slots, depth };
    let cast = Cast::of(depth).ok_or(error)?;
    let drafts = [valid(cast, slots), invalid(cast, slots), queue(cast, slots), noise(slots, seed)];
    drafts.into_iter().map(|draft| draft.execute(depth, cast).ok_or(error)).collect()
}

fn domain() -> Fr {
    Fr::from(0xd0_3a1_u64)
}

fn secret(index: u64) -> [u8; 32] {
    word(index + 1000)
}

fn exit_address(index: u64) -> Fr {
    Fr::from(index + 5)
}

impl Cast {
    /// None if there is no such depth.
    fn of(depth: usize) -> Option<Self> {
        let last = State::new(depth, 0).ok()?.capacity() - 1;
        Some(Self { alice: 0, bob: last, keyless: 1, nobody: 2 })
    }

    fn state(self, depth: usize) -> Option<State> {
        let account = |index: u64, balance: u128, nonce: u32| {
            let public_key = eddsa::derive_public_key(&secret(index));
            (index, Account { public_key, balance, nonce: nonce.into(), exit_address: exit_address(index) })
        };
        let [alice, bob, keyless] = NONCES;
        let (index, mut identity) = account(self.keyless, 9_000, keyless);
        identity.public_key = (Fr::from(0u64), Fr::from(1u64));
        let accounts = [account(self.alice, 1 << 40, alice), account(self.bob, 1_000_000, bob)];
        State::with_accounts(depth, 0, accounts.into_iter().chain([(index, identity)])).ok()
    }
}

impl Draft {
    /// Each slot by itself, in the role that it has here.
    fn single_slots(&self) -> impl Iterator<Item = Self> {
        let &Self { name, deposits, forced, fee_account, .. } = self;
        self.slots.iter().enumerate().map(move |(position, &slot)| {
            let is_deposit = position < deposits;
            let is_forced = !is_deposit && position < deposits + forced;
            let [deposits, forced] = [is_deposit, is_forced].map(usize::from);
            Self { name, deposits, forced, fee_account, slots: vec![slot] }
        })
    }

    /// None if there is no such shape.
    fn execute(&self, depth: usize, cast: Cast) -> Option<Content> {
        let Self { deposits, forced, fee_account, .. } = *self;
        let (deposits, forced) = (deposits as u64, forced as u64);
        let header = Header { slots: self.slots.len(), depth, deposits, forced, fee_account };
        let data = self.slots.concat().concat();
        let batch = Batch::new(header, &data).ok()?;
        let trace = transition::execute(&mut cast.state(depth)?, &batch, domain()).ok()?.trace;
        let ctx = Fr::from(77u64);
        let facts = Facts { domain: domain(), old_root: trace.old_root, new_root: trace.new_root, ctx };
        let public = public_inputs(&words(&facts, &batch, &trace.exits()));
        Some(Content { name: self.name, trace, ctx, public })
    }
}

/// The slot of word 0 signed by `secret(signer)`.
fn signed_by(signer: u64, fields: &WordZero) -> Slot {
    let w0 = fields.pack().unwrap_or_default();
    let signature = eddsa::sign(&secret(signer), transaction::message(domain(), w0));
    let (x, y) = signature.r8;
    [w0, x, y, signature.s].map(|element| field::to_bytes(&element))
}

/// The slot of word 0 and three more elements.
fn written(fields: &WordZero, others: [Fr; 3]) -> Slot {
    let [x, y, z] = others;
    [fields.pack().unwrap_or_default(), x, y, z].map(|element| field::to_bytes(&element))
}

/// A transfer, an exit, a transfer to oneself, a second exit, and so on; fees to one of the senders.
fn valid(Cast { alice, bob, .. }: Cast, slots: usize) -> Draft {
    let [mut of_alice, mut of_bob, _] = NONCES;
    let mut spend = |position: usize| {
        let (kind, from, to) = match position % 4 {
            0 => (KIND_TRANSFER, alice, bob),
            1 => (KIND_EXIT, bob, 0),
            2 => (KIND_TRANSFER, alice, alice),
            _ => (KIND_EXIT, alice, bob),
        };
        let counter = if from == alice { &mut of_alice } else { &mut of_bob };
        let nonce = *counter;
        *counter += 1;
        signed_by(from, &WordZero { kind, from, to, amount: 100, fee: 3, nonce, reserved: 0 })
    };
    let slots = (0..slots).map(&mut spend).collect();
    Draft { name: "valid", deposits: 0, forced: 0, fee_account: bob, slots }
}

/// Another's signature, nothing, three flaws off the curve, an exit under a key of small order; fees to nobody.
fn invalid(Cast { alice, bob, keyless, nobody }: Cast, slots: usize) -> Draft {
    let [nonce, _, third] = NONCES;
    let transfer =
        WordZero { kind: KIND_TRANSFER, from: alice, to: bob, amount: 5, fee: 1, nonce, reserved: 0 };
    let flawed =
        WordZero { kind: KIND_DEPOSIT, from: nobody, to: nobody, nonce: u32::MAX, reserved: 1, ..transfer };
    let exit = WordZero { kind: KIND_EXIT, from: keyless, nonce: third, ..transfer };
    let slot = |position: usize| match position % 4 {
        0 => signed_by(bob, &transfer),
        1 => Slot::default(),
        2 => written(&flawed, [1u64, 1, 1].map(Fr::from)),
        _ => signed_by(keyless, &exit),
    };
    Draft {
        name: "invalid",
        deposits: 0,
        forced: 0,
        fee_account: 1 << 40,
        slots: (0..slots).map(slot).collect(),
    }
}

/// Deposits that create and top up, then forced exits that apply and do not.
fn queue(Cast { alice, bob, nobody, .. }: Cast, slots: usize) -> Draft {
    let deposits = slots.div_ceil(2);
    let deposit = |position: usize| {
        let to = if position.is_multiple_of(2) { nobody } else { bob };
        let (x, y) = eddsa::derive_public_key(&secret(to));
        let fields = WordZero { kind: KIND_DEPOSIT, to, amount: 60, ..WordZero::default() };
        written(&fields, [x, y, exit_address(to)])
    };
    let forced = |position: usize| {
        let (from, asked_by) = if position.is_multiple_of(2) { (alice, alice) } else { (bob, alice) };
        let fields = WordZero { kind: KIND_EXIT, from, amount: 40, ..WordZero::default() };
        written(&fields, [exit_address(asked_by), Fr::default(), Fr::default()])
    };
    let slots: Vec<Slot> = (0..deposits).map(deposit).chain((0..slots - deposits).map(forced)).collect();
    Draft { name: "queue", deposits, forced: slots.len() - deposits, fee_account: alice, slots }
}

/// Batches of one slot: each slot of a batch of four of every content, and words just below their limits.
pub fn single_slots(depth: usize, seed: u64) -> Result<Vec<Content>, ShapeError> {
    let error = ShapeError { slots: 1, depth };
    let cast = Cast::of(depth).ok_or(error)?;
    let drafts = [valid(cast, 4), invalid(cast, 4), queue(cast, 4), noise(4, seed)];
    let drafts = drafts.iter().flat_map(Draft::single_slots).chain(edges());
    drafts.map(|draft| draft.execute(depth, cast).ok_or(error)).collect()
}

/// Slots whose word 0 is `r − 2^k` and whose S is `l − 2^k`, k a multiple of 32: the first chunk that differs from the
/// limit's differs by 1, and is another in each.
fn edges() -> impl Iterator<Item = Draft> {
    let order = Fr::from_bigint(subgroup_order()).unwrap_or_default();
    (0..8).map(move |chunk| {
        let step = Fr::from(2u64).pow([32 * chunk]);
        let slot = [-step, Fr::from(0u64), Fr::from(1u64), order - step].map(|word| field::to_bytes(&word));
        Draft { name: "edge", deposits: 0, forced: 0, fee_account: 0, slots: vec![slot] }
    })
}

/// Words without meaning, most of them beyond the field's order.
fn noise(slots: usize, seed: u64) -> Draft {
    let mut random = Random::new(seed);
    let slots = (0..slots).map(|_| std::array::from_fn(|_| random.word())).collect();
    Draft { name: "noise", deposits: 0, forced: 0, fee_account: 3, slots }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Outcome::*;

    #[test]
    fn the_contents_are_what_their_names_say() {
        let contents = contents(4, 2, 1).expect("a shape");
        let outcomes = |name: &str| {
            let content = contents.iter().find(|content| content.name == name).expect("a content");
            content.trace.slots.iter().map(|slot| slot.outcome).collect::<Vec<_>>()
        };
        assert_eq!(outcomes("valid"), [Applied; 4]);
        assert_eq!(outcomes("invalid"), [BadSignature, Empty, UnknownKind, BadSignature]);
        assert_eq!(outcomes("queue"), [Applied, Applied, Applied, NotExitAddress]);
        assert!(outcomes("noise").iter().all(|outcome| *outcome != Applied));
        let exits = |index: usize| contents[index].trace.exits().len();
        assert_eq!([0, 1, 2, 3].map(exits), [2, 0, 1, 0]);
    }

    #[test]
    fn single_slots_keep_their_roles_and_reach_the_limits() {
        let contents = single_slots(2, 1).expect("a depth");
        let outcomes: Vec<_> = contents.iter().map(|content| content.trace.slots[0].outcome).collect();
        // From the state that all start from, the second transaction of an account has a wrong nonce.
        assert_eq!(outcomes[..4], [Applied, Applied, WrongNonce, WrongNonce]);
        assert_eq!(outcomes[4..8], [BadSignature, Empty, UnknownKind, BadSignature]);
        assert_eq!(outcomes[8..12], [Applied, Applied, Applied, NotExitAddress]);
        let roles = |content: &Content| (content.trace.deposits, content.trace.forced);
        assert_eq!([8, 9, 10, 11].map(|i| roles(&contents[i])), [(1, 0), (1, 0), (0, 1), (0, 1)]);
        let edges: Vec<_> = contents.iter().filter(|content| content.name == "edge").collect();
        assert_eq!((edges.len(), contents.len()), (8, 24));
        for (chunk, content) in (0..).zip(edges) {
            let [word, .., s] = content.trace.slots[0].words;
            let step = Fr::from(2u64).pow([32 * chunk]);
            assert_eq!(word + step, Fr::from(0u64));
            assert_eq!((s + step).into_bigint(), subgroup_order());
        }
    }

    #[test]
    fn every_shape_has_its_contents() {
        for (slots, depth) in [(1, 1), (2, 1), (5, 2), (255, 2)] {
            let valid = &contents(slots, depth, 1).expect("a shape")[0];
            assert!(valid.trace.slots.iter().all(|slot| slot.outcome == Applied));
        }
        assert!(contents(0, 2, 1).is_err() && contents(256, 2, 1).is_err() && contents(1, 25, 1).is_err());
    }
}
