//! What became of a slot (docs/protocol.md, section 4).

/// The first condition that failed, or `Applied`; everything but `Applied` is a no-op.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    Applied = 0,
    Empty = 1,
    UnknownKind = 2,
    ReservedBits = 3,
    SenderMissing = 4,
    RecipientMissing = 5,
    WrongNonce = 6,
    NonceExhausted = 7,
    InsufficientBalance = 8,
    BalanceOverflow = 9,
    BadSignature = 10,
    NotExitAddress = 11,
}

impl Outcome {
    /// Every outcome, by code.
    pub const ALL: [Self; 12] = [
        Self::Applied,
        Self::Empty,
        Self::UnknownKind,
        Self::ReservedBits,
        Self::SenderMissing,
        Self::RecipientMissing,
        Self::WrongNonce,
        Self::NonceExhausted,
        Self::InsufficientBalance,
        Self::BalanceOverflow,
        Self::BadSignature,
        Self::NotExitAddress,
    ];

    /// The code of docs/protocol.md's table.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The outcome of a code.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_count_from_zero_and_come_back() {
        for (code, outcome) in (0u8..).zip(Outcome::ALL) {
            assert_eq!(outcome.code(), code);
            assert_eq!(Outcome::from_code(code), Some(outcome));
        }
        assert_eq!(Outcome::from_code(12), None);
    }
}
