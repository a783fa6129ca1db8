//! An account in the circuit, or its absence.

use super::{
    bits::alloc_bit,
    builder::{ConstraintSystem, Num},
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
    pub fn alloc<C: ConstraintSystem<L = L>>(cs: &mut C, account: Option<&Account>) -> Self {
        let exists = alloc_bit(cs, account.is_some());
        let absent = exists.not();
        let mut field = |value: Option<Fr>| {
            let wire = cs.alloc(value.unwrap_or_default());
            cs.enforce(&wire, &absent, &Num::zero());
            wire
        };
        let x = field(account.map(|account| account.public_key.0));
        let y = field(account.map(|account| account.public_key.1));
        Self {
            public_key: Point { x, y },
            balance: field(account.map(|account| account.balance.into())),
            nonce: field(account.map(|account| account.nonce.into())),
            exit_address: field(account.map(|account| account.exit_address)),
            exists,
        }
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
                let account = AccountNum::alloc(cs, account.as_ref());
                [account.leaf(cs)]
            });
            assert_eq!(gadget.constraints(), 6 + 322);
            assert_eq!(gadget.output(), leaf(account.as_ref()));
            gadget.assert_tight();
        }
    }
}
