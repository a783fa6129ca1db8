//! One account and its leaf (docs/protocol.md, section 2).

use ark_ff::AdditiveGroup;

use crate::{
    field::{self, Fr},
    poseidon,
};

/// Balances stay below 2^96 gwei.
pub const BALANCE_BITS: u32 = 96;
/// A nonce is below 2^32; at this value the account can no longer spend.
pub const NONCE_MAX: u64 = u32::MAX as u64;

/// Twenty bytes of an Ethereum address.
pub type Address = [u8; 20];

/// The address that a field element stands for, if it is below 2^160.
pub fn address_of(element: &Fr) -> Option<Address> {
    let bytes = field::to_bytes(element);
    let (high, address) = bytes.split_last_chunk()?;
    high.iter().all(|&byte| byte == 0).then_some(*address)
}

/// An existing account; balance in gwei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    pub public_key: (Fr, Fr),
    pub balance: u128,
    pub nonce: u64,
    /// Below 2^160.
    pub exit_address: Fr,
}

impl Account {
    /// Whether balance, nonce and exit address fit their widths.
    pub fn is_in_range(&self) -> bool {
        let is_address = address_of(&self.exit_address).is_some();
        self.balance >> BALANCE_BITS == 0 && self.nonce <= NONCE_MAX && is_address
    }

    /// `Poseidon5(public_key_x, public_key_y, balance, nonce, exit_address)`, nothing packed.
    pub fn leaf(&self) -> Fr {
        poseidon::hash5(self.leaf_inputs())
    }

    /// What the leaf hashes.
    pub fn leaf_inputs(&self) -> [Fr; 5] {
        let (x, y) = self.public_key;
        [x, y, Fr::from(self.balance), Fr::from(self.nonce), self.exit_address]
    }
}

/// The leaf of an index: 0 where no account exists.
pub fn leaf(account: Option<&Account>) -> Fr {
    account.map_or(Fr::ZERO, Account::leaf)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::Field;

    fn account() -> Account {
        Account {
            public_key: (Fr::from(1u64), Fr::from(2u64)),
            balance: 3,
            nonce: 4,
            exit_address: Fr::from(5u64),
        }
    }

    #[test]
    fn a_missing_account_has_leaf_zero() {
        assert_eq!(leaf(None), Fr::ZERO);
    }

    #[test]
    fn a_leaf_hashes_its_five_values_in_order() {
        let inputs = [1u64, 2, 3, 4, 5].map(Fr::from);
        assert_eq!(leaf(Some(&account())), poseidon::hash5(inputs));
    }

    #[test]
    fn an_address_is_the_low_twenty_bytes_of_an_element_below_2_to_the_160() {
        let limit = Fr::from(2u64).pow([160]);
        let mut one = [0; 20];
        one[19] = 1;
        assert_eq!(address_of(&Fr::ONE), Some(one));
        assert_eq!(address_of(&(limit - Fr::ONE)), Some([0xff; 20]));
        assert_eq!(address_of(&limit), None);
        assert_eq!(address_of(&-Fr::ONE), None);
    }

    #[test]
    fn values_wider_than_their_fields_are_out_of_range() {
        let base = account();
        assert!(base.is_in_range());
        assert!(!Account { balance: 1 << BALANCE_BITS, ..base }.is_in_range());
        assert!(!Account { nonce: NONCE_MAX + 1, ..base }.is_in_range());
        assert!(!Account { exit_address: Fr::from(2u64).pow([160]), ..base }.is_in_range());
    }

    #[test]
    fn every_value_moves_the_leaf() {
        let base = account();
        let others = [
            Account { public_key: (Fr::from(9u64), base.public_key.1), ..base },
            Account { public_key: (base.public_key.0, Fr::from(9u64)), ..base },
            Account { balance: 9, ..base },
            Account { nonce: 9, ..base },
            Account { exit_address: Fr::from(9u64), ..base },
        ];
        assert!(others.iter().all(|other| other.leaf() != base.leaf()));
    }
}
