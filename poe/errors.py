"""Every expected failure, with a stable code, what was wanted, what came, and a way out.

PoeError
├── ConfigError          POE-CFG-…   a setting is missing, unknown or out of range
├── InputError           POE-INP-…   a transaction, file or argument from outside is malformed
├── L1Error              POE-L1-…    Ethereum cannot be reached or disagrees
│   ├── L1Unreachable    POE-L1-001  no answer in time
│   │   └── EndpointBusy POE-L1-081  the endpoint asks us to come back later
│   ├── WrongChain       POE-L1-002  another chain id, or no arbiter at the address
│   ├── Reverted         POE-L1-003  the arbiter refused, with its named error
│   │   └── AlreadyAccepted POE-L1-004  a proof of this batch is there already: a rival won
│   ├── NotMined         POE-L1-005  a transaction did not appear in a block in time
│   ├── RpcRefused       POE-L1-006  the endpoint answered a call with a JSON-RPC error
│   ├── BadAnswer        POE-L1-007  the endpoint's answer is malformed or contradicts itself
│   ├── FeesTooHigh      POE-L1-008  L1's gas costs more now than the transaction is worth
│   └── EndpointsDisagree POE-L1-080 our endpoints tell different things about one chain
├── NetError             POE-NET-…   a peer misbehaved, a body could not be fetched
├── SequencerError       POE-SEQ-…   the sequencer refuses a transaction or is too full to take it
├── BackendError         POE-BCK-…   the Rust core refused: key, witness, proof
├── JournalError         POE-JNL-…   the data folder is taken, or its journal cannot be trusted
└── ToolError            POE-TOL-…   a program or port that a command needs is missing or taken

Anything that is not a PoeError is a bug and stops the node.
"""

from __future__ import annotations


class PoeError(Exception):
    """An expected failure. `str()` is one line: code, what happened, and what to do about it."""

    code = "POE-000"

    def __init__(self, message: str, *, fix: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        line = f"{self.code}: {self.message}"
        return f"{line} ({self.fix})" if self.fix else line


class ConfigError(PoeError):
    """A setting is missing, unknown or out of range."""

    code = "POE-CFG-001"


class InputError(PoeError):
    """Something from outside (a transaction, a file, an argument) is malformed; the message names the `field`."""

    code = "POE-INP-001"

    def __init__(self, message: str, *, field: str = "", fix: str = "", code: str | None = None) -> None:
        super().__init__(message, fix=fix, code=code)
        self.field = field


class L1Error(PoeError):
    """Ethereum cannot be reached or disagrees with us."""

    code = "POE-L1-000"


class L1Unreachable(L1Error):
    """No answer from the RPC endpoint in time."""

    code = "POE-L1-001"


class EndpointBusy(L1Unreachable):
    """The endpoint asks us to come back later: in `retry_seconds`, which are bounded."""

    code = "POE-L1-081"

    def __init__(self, message: str, *, retry_seconds: float, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.retry_seconds = retry_seconds


class WrongChain(L1Error):
    """The endpoint serves another chain id, or no arbiter lives at the address."""

    code = "POE-L1-002"


class Reverted(L1Error):
    """The arbiter refused a call; `name` is the custom error's name, such as `WrongParent`.

    `gas_used`: what it burnt in block `block_number`; both 0 if a simulation told before anything was sent.
    """

    code = "POE-L1-003"

    def __init__(self, message: str, *, name: str, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.name = name
        self.gas_used = 0
        self.block_number = 0


class AlreadyAccepted(Reverted):
    """A proof of this batch is accepted already: a rival won."""

    code = "POE-L1-004"


class NotMined(L1Error):
    """A transaction did not appear in a block in time."""

    code = "POE-L1-005"


class RpcRefused(L1Error):
    """The endpoint answered a call with a JSON-RPC error; `data` are the bytes it came with, if any."""

    code = "POE-L1-006"

    def __init__(self, message: str, *, rpc_code: int, rpc_message: str, data: bytes | None = None) -> None:
        super().__init__(message)
        self.rpc_code = rpc_code
        self.rpc_message = rpc_message
        self.data = data


class BadAnswer(L1Error):
    """The endpoint's answer is malformed, or contradicts what it said before or the arbiter's rules."""

    code = "POE-L1-007"


class FeesTooHigh(L1Error):
    """L1's gas costs more now than the transaction is worth; nothing was sent."""

    code = "POE-L1-008"


class EndpointsDisagree(L1Error):
    """Our endpoints tell different things about one chain, and none has a majority: nothing is sent meanwhile."""

    code = "POE-L1-080"


class NetError(PoeError):
    """A peer misbehaved or a body could not be fetched from anyone."""

    code = "POE-NET-001"


class SequencerError(PoeError):
    """The sequencer refuses a well-formed transaction, or is too full to take it now; each reason has its code."""

    code = "POE-SEQ-000"


class BackendError(PoeError):
    """The Rust core refused: a key, a witness or a proof is not right."""

    code = "POE-BCK-001"


class JournalError(PoeError):
    """The data folder is another process's, or its journal is damaged, foreign or cannot be written."""

    code = "POE-JNL-000"


class ToolError(PoeError):
    """A program, file or port that a command needs is missing or taken."""

    code = "POE-TOL-001"
