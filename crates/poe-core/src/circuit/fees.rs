//! The batch's fees: to the header's fee account at the end, or burnt (docs/protocol.md, section 4).

use super::{
    account::{AccountNum, FIELDS},
    bits::{is_zero, to_bits},
    builder::{ConstraintSystem, Num, Place},
    slot::{overflows, replace_account},
    top::Access,
};
use crate::{trace::Opening, transaction::INDEX_BITS};

/// Fields of a leaf that the fees change.
const PAID: [bool; FIELDS] = [false, false, true, false, false];

/// Credits `fees`, a sum of at most 255 fees below 2^32, to account `index` if it lies in the tree, exists and
/// stays below 2^96; the access. `shape`: the tree's depth and its top levels. `index` must be below 2^48, as the contract sees to.
pub fn credit<C: ConstraintSystem>(
    cs: &mut C,
    shape: (usize, usize),
    index: &Num<C::L>,
    fees: &Num<C::L>,
    opening: &Opening,
) -> Access<C::L> {
    let bits = cs.scoped("index", |cs| to_bits(cs, index, INDEX_BITS));
    let (inside, outside) = bits.split_at(2 * shape.0);
    let place = Place::above(inside, 0);
    let before = cs.scoped("account", |cs| AccountNum::load(cs, place, opening.account.as_ref()));
    let after = cs.scoped("credit", |cs| {
        let overflows = cs.scoped("overflow", |cs| overflows(cs, &(&before.balance + fees)));
        let broken = [&Num::sum(outside), &before.exists.not(), &overflows];
        let is_paid = cs.scoped("verdict", |cs| is_zero(cs, &Num::sum(broken)));
        let paid = cs.mul(&is_paid, fees);
        AccountNum { balance: &before.balance + &paid, ..before.clone() }
    });
    replace_account(cs, shape, inside, opening, [&before, &after], PAID)
}
