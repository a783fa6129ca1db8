//! What becomes of a transaction on its way in: one byte each in the binary answer.

/// `Accepted`, or why not; byte `n` stands for the error code `POE-SEQ-0nn`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Code {
    Accepted = 0,
    /// The pool is full.
    Full = 1,
    /// The account has as many waiting as one may have.
    AccountFull = 2,
    /// The nonce is used up.
    StaleNonce = 3,
    /// Another with this nonce waits and offers as much.
    Underpriced = 4,
    /// The account cannot pay for all it has waiting.
    Overdrawn = 5,
    NonceTooFar = 6,
    /// The pool is full because sealed batches wait for their posting or their proofs.
    Behind = 8,
    UnknownSender = 10,
    UnknownRecipient = 11,
    BadSignature = 12,
    /// The 128 bytes are no transaction in its only encoding.
    Malformed = 13,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 12] = [
        Self::Accepted,
        Self::Full,
        Self::AccountFull,
        Self::StaleNonce,
        Self::Underpriced,
        Self::Overdrawn,
        Self::NonceTooFar,
        Self::Behind,
        Self::UnknownSender,
        Self::UnknownRecipient,
        Self::BadSignature,
        Self::Malformed,
    ];

    /// The byte of the answer.
    pub fn byte(self) -> u8 {
        self as u8
    }
}
