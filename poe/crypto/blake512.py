"""BLAKE-512, the SHA-3 finalist (not BLAKE2): EdDSA keys and nonces are drawn from it.

Source: Aumasson, Henzen, Meier, Phan, "SHA-3 proposal BLAKE", version 1.3, sections 2.1 and 2.2.
"""

from __future__ import annotations

_MASK = (1 << 64) - 1
_ROUNDS = 16
_BLOCK_BYTES = 128

_INITIAL = (
    *(0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1),
    *(0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179),
)

_PI = (
    *(0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
    *(0x452821E638D01377, 0xBE5466CF34E90C6C, 0xC0AC29B7C97C50DD, 0x3F84D5B5B5470917),
    *(0x9216D5D98979FB1B, 0xD1310BA698DFB5AC, 0x2FFD72DBD01ADFB7, 0xB8E1AFED6A267E96),
    *(0xBA7C9045F12C7F99, 0x24A19947B3916CF7, 0x0801F2E2858EFC16, 0x636920D871574E69),
)
"""The leading digits of pi: the sixteen constants of BLAKE-512."""

_SIGMA = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)

_COLUMNS_AND_DIAGONALS = (
    *((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)),
    *((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)),
)


def blake512(message: bytes) -> bytes:
    """Sixty-four bytes, without salt."""
    padded = _pad(message)
    bits = 8 * len(message)
    chain: tuple[int, ...] = _INITIAL
    for start in range(0, len(padded), _BLOCK_BYTES):
        counted = min(bits, 8 * (start + _BLOCK_BYTES))
        # The counter of a block that holds padding alone is zero (section 2.2.4).
        counter = counted if 8 * start < bits else 0
        chain = _compress(chain, padded[start : start + _BLOCK_BYTES], counter)
    return b"".join(word.to_bytes(8, "big") for word in chain)


def _pad(message: bytes) -> bytes:
    """A one bit, zeros up to 895 bits modulo 1024, a one bit, the length in bits in 128 bits."""
    zeros = -(len(message) + 17) % _BLOCK_BYTES
    filler = bytearray(zeros + 1)
    filler[0] |= 0x80
    filler[-1] |= 0x01
    return message + bytes(filler) + (8 * len(message)).to_bytes(16, "big")


def _compress(chain: tuple[int, ...], block: bytes, counter: int) -> tuple[int, ...]:
    m = [int.from_bytes(block[i : i + 8], "big") for i in range(0, _BLOCK_BYTES, 8)]
    low, high = counter & _MASK, counter >> 64
    mixed = (counter_word ^ pi for counter_word, pi in zip((0, 0, 0, 0, low, low, high, high), _PI, strict=False))
    v = [*chain, *mixed]
    for number in range(_ROUNDS):
        sigma = _SIGMA[number % len(_SIGMA)]
        for i, lanes in enumerate(_COLUMNS_AND_DIAGONALS):
            p, q = sigma[2 * i], sigma[2 * i + 1]
            _mix(v, lanes, m[p] ^ _PI[q], m[q] ^ _PI[p])
    return tuple(h ^ v[i] ^ v[i + 8] for i, h in enumerate(chain))


def _mix(v: list[int], lanes: tuple[int, int, int, int], first: int, second: int) -> None:
    """The function G of section 2.1.2 on four lanes."""
    a, b, c, d = lanes
    for addend, turn_d, turn_b in ((first, 32, 25), (second, 16, 11)):
        v[a] = (v[a] + v[b] + addend) & _MASK
        v[d] = _rotate_right(v[d] ^ v[a], turn_d)
        v[c] = (v[c] + v[d]) & _MASK
        v[b] = _rotate_right(v[b] ^ v[c], turn_b)


def _rotate_right(word: int, turn: int) -> int:
    return (word >> turn | word << (64 - turn)) & _MASK
