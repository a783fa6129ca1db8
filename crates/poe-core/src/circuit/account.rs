//! An account in the circuit, or its absence.

use super::{
    bits::enforce_boolean,
    builder::{ConstraintSystem, Num, Place},
    edwards::Point,
    poseidon::poseidon,
};
use crate::{account::Account, field::Fr};

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

    /// `exists · Poseidon5(fields)`. 322 constraints.
    pub fn leaf<C: ConstraintSystem<L = L>>(&self, cs: &mut C) -> Num<L> {
        let Point { x, y } = &self.public_key;
        let fields = [x, y, &self.balance, &self.nonce, &self.exit_address].map(Clone::clone);
        let hash = poseidon(cs, &fields);
        cs.mul(&self.exists, &hash)
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
    fn the_leaf_is_the_native_one_or_zero() {
        for account in [Some(account()), None] {
            let gadget = run_gadget!([], |cs, _wires| {
                let account = AccountNum::load(cs, Place { level: 0, index: 0 }, account.as_ref());
                [account.leaf(cs)]
            });
            assert_eq!(gadget.constraints(), 6 + 322);
            assert_eq!(gadget.output(), leaf(account.as_ref()));
            gadget.assert_tight();
        }
    }
}
