//! Order, bounds, replacement, gaps, expiry, and the groups on disk.

use super::*;
use crate::{field::Fr, sequencing::record::Slot, transaction::WordZero};

const BOUNDS: Bounds = Bounds { transactions: 6, per_account: 3, seconds: 10.0 };

fn account(nonce: u64) -> Account {
    Account {
        public_key: (Fr::from(1u64), Fr::from(2u64)),
        balance: 100,
        nonce,
        exit_address: Fr::from(3u64),
    }
}

fn transaction(from: u64, nonce: u32, fee: u32) -> Transaction {
    let fields = WordZero { kind: 1, from, to: 9, amount: 10, fee, nonce, reserved: 0 };
    let mut slot: Slot = [0; 128];
    slot[0] = from as u8;
    slot[1] = nonce as u8;
    slot[2..6].copy_from_slice(&fee.to_be_bytes());
    Transaction { slot, fields }
}

fn add(pool: &mut Pool, from: u64, nonce: u32, fee: u32) -> Result<(), Code> {
    pool.add(transaction(from, nonce, fee), &account(0), 0, 0.0)
}

fn pool(of: &[(u64, u32, u32)]) -> Pool {
    let mut pool = Pool::new(BOUNDS);
    of.iter().for_each(|&(from, nonce, fee)| add(&mut pool, from, nonce, fee).expect("taken"));
    pool
}

fn taken(pool: &mut Pool, room: usize) -> Vec<(u64, u32)> {
    let (taken, dropped) = pool.fill(room, |_| true);
    assert!(dropped.is_empty());
    taken.iter().map(|entry| (entry.transaction.fields.from, entry.transaction.fields.nonce)).collect()
}

#[test]
fn the_highest_fee_goes_first_then_the_earliest_and_second_turns_come_last() {
    let mut pool = pool(&[(1, 0, 1), (1, 1, 9), (2, 0, 5), (3, 0, 5), (2, 1, 7)]);
    assert_eq!(taken(&mut pool, 10), [(2, 0), (3, 0), (1, 0), (1, 1), (2, 1)]);
    assert_eq!((pool.len(), pool.ready()), (0, 0));
}

#[test]
fn what_has_no_room_stays_and_keeps_its_place() {
    let mut pool = pool(&[(1, 0, 1), (1, 1, 1), (2, 0, 5)]);
    assert_eq!(taken(&mut pool, 1), [(2, 0)]);
    assert_eq!((pool.len(), pool.ready()), (2, 2));
    assert_eq!(taken(&mut pool, 1), [(1, 0)]);
    assert_eq!(taken(&mut pool, 5), [(1, 1)]);
    assert_eq!(taken(&mut pool, 5), []);
}

#[test]
fn a_gap_holds_back_what_is_behind_it() {
    let mut pool = pool(&[(1, 1, 1), (1, 2, 1)]);
    assert_eq!((pool.ready(), pool.next_nonce(1, 0)), (0, 0));
    assert_eq!(taken(&mut pool, 5), []);
    add(&mut pool, 1, 0, 1).expect("fills the gap");
    assert_eq!((pool.ready(), pool.next_nonce(1, 0)), (3, 3));
    assert_eq!(taken(&mut pool, 5), [(1, 0), (1, 1), (1, 2)]);
}

#[test]
fn another_with_the_same_nonce_needs_a_higher_fee_and_replaces() {
    let mut pool = pool(&[(1, 0, 4), (1, 1, 4)]);
    assert_eq!(add(&mut pool, 1, 0, 4), Ok(()), "the very same is taken again");
    let mut other = transaction(1, 0, 4);
    other.slot[100] = 1;
    assert_eq!(pool.add(other, &account(0), 0, 0.0), Err(Code::Underpriced));
    add(&mut pool, 1, 0, 5).expect("a higher fee");
    assert_eq!((pool.len(), pool.ready()), (2, 2));
    let (taken, _) = pool.fill(1, |_| true);
    assert_eq!(taken[0].transaction.fields.fee, 5);
}

#[test]
fn replacing_again_and_again_does_not_grow_the_pool() {
    let mut pool = Pool::new(BOUNDS);
    for fee in 0..90 {
        add(&mut pool, 1, 0, fee).expect("a higher fee");
        add(&mut pool, 2, 0, fee).expect("a higher fee");
        assert!(pool.heads.len() <= 2 * 2 + STALE_HEADS);
    }
    assert_eq!(taken(&mut pool, 5), [(1, 0), (2, 0)]);
}

#[test]
fn bounds_of_the_pool_and_of_an_account_hold() {
    let mut pool = pool(&[(1, 0, 1), (1, 1, 1), (1, 2, 1), (2, 0, 1), (3, 0, 1)]);
    assert_eq!(add(&mut pool, 1, 3, 1), Err(Code::NonceTooFar));
    assert_eq!(pool.add(transaction(1, 3, 1), &account(1), 0, 0.0), Err(Code::AccountFull));
    add(&mut pool, 4, 0, 1).expect("the last place");
    assert_eq!(add(&mut pool, 5, 0, 1), Err(Code::Full));
    add(&mut pool, 2, 0, 9).expect("a replacement needs no place");
    assert_eq!(pool.len(), 6);
}

#[test]
fn used_nonces_and_what_cannot_be_paid_are_refused() {
    let mut pool = pool(&[(1, 0, 40)]);
    assert_eq!(pool.check(&transaction(2, 0, 1), &account(1)), Err(Code::StaleNonce));
    let worn = account(NONCE_MAX);
    assert_eq!(pool.check(&transaction(2, u32::MAX, 1), &worn), Err(Code::StaleNonce));
    assert_eq!(add(&mut pool, 1, 1, 41), Err(Code::Overdrawn));
    assert_eq!(add(&mut pool, 1, 0, 91), Err(Code::Overdrawn));
    add(&mut pool, 1, 1, 40).expect("exactly the balance");
}

#[test]
fn a_no_op_is_dropped_and_what_follows_it_waits() {
    let mut pool = pool(&[(1, 0, 9), (1, 1, 9), (2, 0, 1)]);
    let (taken, dropped) = pool.fill(5, |transaction| transaction.fields.from != 1);
    assert_eq!((taken.len(), dropped.len()), (1, 1));
    assert_eq!((pool.len(), pool.ready()), (1, 0));
    add(&mut pool, 1, 0, 2).expect("another with its nonce");
    assert_eq!(self::taken(&mut pool, 5), [(1, 0), (1, 1)]);
}

#[test]
fn a_nonce_used_elsewhere_makes_what_waits_stale_and_a_rollback_brings_order_back() {
    let mut pool = pool(&[(1, 0, 1), (1, 1, 1), (1, 2, 1)]);
    let stale = pool.settle(1, 2);
    assert_eq!(stale.len(), 2);
    assert_eq!((pool.len(), pool.ready()), (1, 1));
    assert!(pool.settle(1, 1).is_empty());
    assert_eq!(pool.ready(), 0);
    add(&mut pool, 1, 1, 1).expect("again");
    assert_eq!(taken(&mut pool, 5), [(1, 1), (1, 2)]);
}

#[test]
fn a_refresh_drops_what_can_no_longer_be_paid_or_sent() {
    let mut pool = pool(&[(1, 0, 1), (1, 1, 1), (2, 0, 1), (3, 0, 1)]);
    let (poor, rich) = (Account { balance: 15, ..account(0) }, account(0));
    let dropped = pool.refresh(|index| match index {
        1 => Some(&poor),
        2 => None,
        _ => Some(&rich),
    });
    assert_eq!((dropped, pool.len()), (2, 2));
    assert_eq!(taken(&mut pool, 5), [(1, 0), (3, 0)]);
}

#[test]
fn nothing_waits_for_ever() {
    let mut pool = Pool::new(BOUNDS);
    pool.add(transaction(1, 1, 1), &account(0), 0, 0.0).expect("taken");
    pool.add(transaction(2, 0, 1), &account(0), 0, 5.0).expect("taken");
    assert_eq!(pool.expire(10.0), 0);
    assert_eq!(pool.expire(10.5), 1);
    assert_eq!(taken(&mut pool, 5), [(2, 0)]);
}

#[test]
fn a_group_is_emptied_when_its_last_transaction_leaves() {
    let mut pool = Pool::new(BOUNDS);
    pool.add(transaction(1, 0, 1), &account(0), 7, 0.0).expect("taken");
    pool.add(transaction(2, 0, 1), &account(0), 7, 0.0).expect("taken");
    pool.add(transaction(3, 0, 1), &account(0), 8, 0.0).expect("taken");
    assert_eq!(taken(&mut pool, 1), [(1, 0)]);
    assert_eq!(pool.take_emptied(), []);
    assert_eq!(taken(&mut pool, 1), [(2, 0)]);
    assert_eq!(pool.take_emptied(), [7]);
    assert_eq!(pool.take_emptied(), []);
}

#[test]
fn counts_stay_right_under_random_use() {
    let mut pool = Pool::new(Bounds { transactions: 40, per_account: 8, seconds: 10.0 });
    let mut nonces = [0u64; 4];
    let mut random = 12345u64;
    for _ in 0..5000 {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let (from, choice, value) = ((random >> 33) % 4, (random >> 40) % 10, (random >> 50) as u32);
        let sender = Account { balance: 1 << 40, ..account(nonces[from as usize]) };
        match choice {
            0..7 => {
                let nonce = sender.nonce as u32 + value % 9;
                let _ = pool.add(transaction(from, nonce, value % 5), &sender, u64::from(value % 3), 0.0);
            }
            7 => {
                let (taken, _) = pool.fill((value % 6) as usize, |_| true);
                taken.iter().for_each(|entry| nonces[entry.transaction.fields.from as usize] += 1);
            }
            8 => {
                nonces[from as usize] += 1;
                pool.settle(from, nonces[from as usize]);
            }
            _ => {
                let (_, dropped) = pool.fill(1, |_| false);
                drop(dropped);
            }
        }
        let lines = pool.lines.values();
        assert_eq!(pool.size, lines.clone().map(|line| line.by_nonce.len()).sum::<usize>());
        assert_eq!(pool.ready, lines.clone().map(|line| line.ready).sum::<usize>());
        for (account, line) in &pool.lines {
            assert_eq!(line.nonce, nonces[*account as usize]);
            let run = line.by_nonce.keys().zip(line.nonce..).take_while(|(have, want)| **have == *want);
            assert_eq!(line.ready, run.count());
        }
        assert_eq!(pool.size, pool.groups.values().sum::<usize>());
    }
}
