//! An account in the circuit, or its absence.

use super::{
    bits::enforce_boolean,
    builder::{ConstraintSystem, Num, Place},
    edwards::Point,
    merkle::Roots,
    poseidon,
};
use crate::{account::Account, field::Fr};

/// Fields of a leaf: key x, key y, balance, nonce, exit address.
pub const FIELDS: usize = 5;

/// What a leaf holds. All fields are 0 where no account exists, so that nothing is the prover's choice.
///
/// Widths hold by induction over the state's history and are not checked here: balance < 2^96, nonce < 2^32;
/// key and exit address are any field elements.
#[derive(Debug, Clone)]
pub struct AccountNum<L> {
    pub exists: Num<L>,
    pub public_key: Point<L>,
    pub balance: Num<L>,
    pub nonce: Num<L>,
    pub exit_address: Num<L>,
}

impl<L: super::builder::Linear> AccountNum<L> {
    /// Six wires; six constraints: `exists` is boolean, and each field times `1 − exists` is 0.
    pub fn load<C: ConstraintSystem<L = L>>(cs: &mut C, place: Place, account: Option<&Account>) -> Self {
        let values = account.map_or([Fr::default(); 6], |account| {
            let (x, y) = account.public_key;
            [Fr::from(1u64), x, y, account.balance.into(), account.nonce.into(), account.exit_address]
        });
        let wires = cs.load(place, values);
        let absent = wires[0].not();
        enforce_boolean(cs, &wires[0]);
        wires[1..].iter().for_each(|field| cs.enforce(field, &absent, &Num::zero()));
        let [exists, x, y, balance, nonce, exit_address] = wires;
        Self { exists, public_key: Point { x, y }, balance, nonce, exit_address }
    }

    /// Says that the account is at the place from now on.
    pub fn store<C: ConstraintSystem<L = L>>(&self, cs: &mut C, place: Place) {
        let Point { x, y } = &self.public_key;
        let fields = [&self.exists, x, y, &self.balance, &self.nonce, &self.exit_address];
        cs.store(place, &fields.map(Clone::clone));
    }

    /// In the order of the leaf's hash.
    fn fields(&self) -> [&Num<L>; FIELDS] {
        let Point { x, y } = &self.public_key;
        [x, y, &self.balance, &self.nonce, &self.exit_address]
    }

    /// `exists · Poseidon5(fields)` before and after an update. 644 constraints, less three for each field that it leaves.
    pub fn leaves<C: ConstraintSystem<L = L>>(
        cs: &mut C,
        [before, after]: [&Self; 2],
        is_changed: [bool; FIELDS],
    ) -> Roots<L> {
        let absorb_at =
            |cs: &mut C, account: &Self, i: usize| poseidon::absorb(cs, FIELDS, i, account.fields()[i]);
        let hash = |cs: &mut C, account: &Self, absorbed: &[Num<L>; FIELDS]| {
            let hash = poseidon::compress(cs, absorbed);
            cs.mul(&hash, &account.exists)
        };
        cs.scoped("leaf", |cs| {
            let of_before: [Num<L>; FIELDS] = std::array::from_fn(|i| absorb_at(cs, before, i));
            let of_after = std::array::from_fn(|i| {
                if is_changed[i] { absorb_at(cs, after, i) } else { of_before[i].clone() }
            });
            Roots {
                old: cs.scoped("old", |cs| hash(cs, before, &of_before)),
                new: cs.scoped("new", |cs| hash(cs, after, &of_after)),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::leaf,
        circuit::testing::{element, run_gadget},
    };

    fn account() -> Account {
        let [x, y, exit_address] = [1, 2, 3].map(element);
        Account { public_key: (x, y), balance: 7, nonce: 9, exit_address }
    }

    #[test]
    fn the_leaves_are_the_native_ones_or_zero_and_share_what_stays() {
        let richer = Account { balance: 8, nonce: 10, ..account() };
        let place = Place { level: 0, index: 0 };
        for (before, after) in [(Some(account()), Some(richer)), (None, None)] {
            for (is_changed, constraints) in [([true; FIELDS], 644), ([false, false, true, true, false], 635)]
            {
                let gadget = run_gadget!([], |cs, _wires| {
                    let accounts =
                        [before, after].map(|account| AccountNum::load(cs, place, account.as_ref()));
                    let leaves = AccountNum::leaves(cs, accounts.each_ref(), is_changed);
                    [leaves.old, leaves.new]
                });
                assert_eq!(gadget.constraints(), 2 * 6 + constraints);
                assert_eq!(gadget.output(), leaf(before.as_ref()));
                assert_eq!(gadget.outputs[1], leaf(after.as_ref()));
            }
        }
    }
}
