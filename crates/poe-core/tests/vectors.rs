//! Known answers shared with the Python specification and the contracts: `tests/vectors/*.json`, made with
//! circomlibjs and ethers.
#![allow(clippy::unwrap_used)]

use poe_core::{
    account::Account,
    batch::{Batch, Header, Word},
    circuit::membership::{compile as compile_membership, witness},
    eddsa::{self, Signature},
    field::{self, Fr},
    membership::Membership,
    merkle::Tree,
    poseidon,
    state::State,
    statement::{self, Exit},
    trace::BatchTrace,
    transition,
};
use serde_json::Value;

fn load(name: &str) -> Value {
    let path = format!("{}/../../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn cases<'a>(file: &'a Value, list: &str) -> &'a Vec<Value> {
    let cases = file[list].as_array().unwrap();
    assert!(!cases.is_empty());
    cases
}

fn bytes(value: &Value) -> Vec<u8> {
    let hex = value.as_str().unwrap().strip_prefix("0x").unwrap();
    let digits = |i: usize| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digits).collect()
}

fn word(value: &Value) -> Word {
    bytes(value).try_into().unwrap()
}

fn number(value: &Value) -> u64 {
    let word = word(value);
    assert!(word[..24].iter().all(|&byte| byte == 0));
    u64::from_be_bytes(word[24..].try_into().unwrap())
}

fn element(value: &Value) -> Fr {
    field::from_bytes_strict(&bytes(value)).unwrap()
}

/// A word that may be r or more.
fn residue(value: &Value) -> Fr {
    field::from_word(&word(value))
}

fn pair(value: &Value, read: fn(&Value) -> Fr) -> (Fr, Fr) {
    (read(&value[0]), read(&value[1]))
}

fn header(case: &Value) -> Header {
    Header {
        slots: number(&case["slots"]) as usize,
        depth: number(&case["depth"]) as usize,
        deposits: number(&case["deposits"]),
        forced: number(&case["forced"]),
        fee_account: number(&case["fee_account"]),
    }
}

fn wide(value: &Value) -> u128 {
    u128::from_be_bytes(word(value)[16..].try_into().unwrap())
}

fn account(value: &Value) -> (u64, Account) {
    let account = Account {
        public_key: (element(&value["public_key_x"]), element(&value["public_key_y"])),
        balance: wide(&value["balance"]),
        nonce: number(&value["nonce"]),
        exit_address: element(&value["exit_address"]),
    };
    (number(&value["index"]), account)
}

fn exit(value: &Value) -> Exit {
    let address = bytes(&value["address"]).try_into().unwrap();
    Exit { slot: number(&value["slot"]) as usize, address, amount: number(&value["amount"]) }
}

#[test]
fn poseidon_of_one_to_sixteen_inputs() {
    let file = load("poseidon");
    let mut counts = [0; 17];
    for case in cases(&file, "cases") {
        let inputs: Vec<Fr> = cases(case, "inputs").iter().map(element).collect();
        assert_eq!(poseidon::hash(&inputs), Ok(element(&case["hash"])), "{case}");
        counts[inputs.len()] += 1;
    }
    assert!(counts[1..].iter().all(|&count| count > 0), "a width has no vector: {counts:?}");
}

#[test]
fn roots_of_empty_trees() {
    let file = load("merkle");
    for (depth, root) in cases(&file, "empty_nodes").iter().enumerate() {
        assert_eq!(Tree::new(depth).root(), element(root), "depth {depth}");
    }
}

#[test]
fn public_keys_and_deterministic_signatures() {
    let file = load("eddsa");
    for case in cases(&file, "keys") {
        let key = eddsa::derive_public_key(&word(&case["secret"]));
        assert_eq!(key, pair(&case["public_key"], element), "{case}");
    }
    for case in cases(&file, "deterministic") {
        let signature = eddsa::sign(&word(&case["secret"]), element(&case["message"]));
        let known = Signature { r8: pair(&case["r8"], element), s: element(&case["s"]) };
        assert_eq!(signature, known, "{case}");
    }
}

#[test]
fn verdicts_on_signatures() {
    let file = load("eddsa");
    for case in cases(&file, "cases") {
        let signature = Signature { r8: pair(&case["r8"], residue), s: residue(&case["s"]) };
        let key = pair(&case["public_key"], residue);
        let verdict = eddsa::verify(key, &signature, residue(&case["message"]));
        assert_eq!(verdict.is_ok(), case["valid"].as_bool().unwrap(), "{}: {verdict:?}", case["name"]);
    }
}

#[test]
fn statements_from_chain_facts_to_public_inputs() {
    let file = load("statement");
    for case in cases(&file, "cases") {
        let header = header(case);
        let data = bytes(&case["data"]);
        let batch = Batch::new(header, &data).unwrap();
        let address = |name: &str| <[u8; 20]>::try_from(bytes(&case[name])).unwrap();
        let (chain_id, version) = (word(&case["chain_id"]), word(&case["circuit_version"]));
        let domain = statement::domain(&chain_id, &address("arbiter"), &version);
        assert_eq!(domain, element(&case["domain"]), "{}", case["name"]);
        assert_eq!(batch.hash(), word(&case["batch_hash"]), "{}", case["name"]);
        let (number, tip) = (word(&case["number"]), word(&case["tip"]));
        let ctx = statement::context(&number, &batch.hash(), &address("payee"), &tip);
        assert_eq!(ctx, element(&case["context"]), "{}", case["name"]);
        let (old_root, new_root) = (element(&case["old_root"]), element(&case["new_root"]));
        let facts = statement::Facts { domain, old_root, new_root, ctx };
        let exits: Vec<Exit> = case["exits"].as_array().unwrap().iter().map(exit).collect();
        let words = statement::words(&facts, &batch, &exits);
        let known: Vec<Word> = cases(case, "statement").iter().map(word).collect();
        assert_eq!(words, known, "{}", case["name"]);
        let inputs = statement::public_inputs(&words);
        assert_eq!(inputs.commitment, element(&case["commitment"]), "{}", case["name"]);
        assert_eq!((inputs.x, inputs.y), (element(&case["x"]), element(&case["y"])));
    }
}

#[test]
fn accounts_are_where_their_memberships_say() {
    let file = load("membership");
    for case in cases(&file, "cases") {
        let depth = number(&case["depth"]) as usize;
        let accounts: Vec<_> = cases(case, "accounts").iter().map(account).collect();
        let mut state = State::with_accounts(depth, 0, accounts.iter().copied()).unwrap();
        assert_eq!(state.root(), element(&case["root"]), "depth {depth}");
        let circuit = compile_membership(depth).unwrap();
        for ((index, account), known) in accounts.iter().zip(cases(case, "members")) {
            let membership = Membership::of(&mut state, *index).unwrap();
            let path = cases(known, "path").iter().map(|level| std::array::from_fn(|i| element(&level[i])));
            assert_eq!((membership.account, &membership.path), (*account, &path.collect()));
            let inputs = membership.public_inputs(state.root());
            assert_eq!(inputs, std::array::from_fn(|i| element(&known["public_inputs"][i])));
            assert_eq!(circuit.is_satisfied(&witness(&membership, &inputs)), Ok(()), "account {index}");
        }
    }
}

#[test]
fn batches_do_what_the_specification_says() {
    let file = load("transition");
    for case in cases(&file, "cases") {
        let name = &case["name"];
        let accounts = |list: &str| case[list].as_array().unwrap().iter().map(account).collect::<Vec<_>>();
        let header = header(case);
        let mut state = State::with_accounts(header.depth, 1, accounts("accounts")).unwrap();
        assert_eq!(state.root(), element(&case["old_root"]), "{name}");
        let data = bytes(&case["data"]);
        let batch = Batch::new(header, &data).unwrap();
        let execution = transition::execute(&mut state, &batch, element(&case["domain"])).unwrap();
        let outcomes: Vec<u8> = execution.trace.slots.iter().map(|slot| slot.outcome.code()).collect();
        assert_eq!(Value::from(outcomes), case["outcomes"], "{name}");
        assert_eq!((execution.fees, execution.trace.burnt), (wide(&case["fees"]), wide(&case["burnt"])));
        let exits: Vec<Exit> = case["exits"].as_array().unwrap().iter().map(exit).collect();
        assert_eq!(execution.trace.exits(), exits, "{name}");
        for (index, after) in accounts("accounts_after") {
            assert_eq!(state.account(index), Some(&after), "{name}, account {index}");
        }
        assert_eq!(state.root(), element(&case["new_root"]), "{name}");
        assert_eq!(BatchTrace::from_bytes(&execution.trace.to_bytes()), Ok(execution.trace), "{name}");
        state.rollback(1).unwrap();
        assert_eq!(state.root(), element(&case["old_root"]), "{name}");
    }
}
