"""Every error code: what it means and what to do. `poe explain CODE` prints it, docs/errors.md lists it.

A code, once given, keeps its meaning. The texts here explain; the message that comes with a code names what exactly
was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says, and what whoever sees it can do."""

    what: str
    way_out: str


AREAS: Mapping[str, str] = {
    "CFG": "Configuration",
    "INP": "Input",
    "L1": "Ethereum",
    "NET": "Network",
    "SEQ": "Sequencer",
    "RAC": "Ends of races",
    "RLY": "Relayed proofs",
    "BCK": "Rust core, keys and proofs",
    "JNL": "Journal",
    "TOL": "Tools, files and ports",
    "DOC": "Findings of `poe doctor`",
}

_RETRY = "Send it again later."
_REPORT = "A bug, or a peer's: please report it with the log."

CODES: Mapping[str, Meaning] = {
    "POE-CFG-001": Meaning(
        "A setting is missing, unknown or unfit.", "The message names it; close names are suggested."
    ),
    "POE-CFG-002": Meaning("The configuration file is missing or not TOML.", "Check the path and the line named."),
    "POE-CFG-003": Meaning("A setting has a wrong type or is out of range.", "The message says what is wanted."),
    "POE-CFG-011": Meaning("prover.tip_wei is above the arbiter's reward.", "Offer less."),
    "POE-CFG-012": Meaning("An address in the network's settings is malformed.", "The message shows the form wanted."),
    "POE-CFG-013": Meaning(
        "The arbiter's deadlines do not fit together.", "The message says what must be longer than what."
    ),
    "POE-CFG-014": Meaning(
        "prover.external_command does not say where the files go.", "Put {zkey} {wtns} {proof} {public} in it."
    ),
    "POE-CFG-020": Meaning("The key file cannot be read.", "Make one with `poe key new`, or check the path."),
    "POE-CFG-021": Meaning("A secret's file can be read by others.", "chmod 600 it."),
    "POE-CFG-022": Meaning("The key file holds no key.", "It is a Web3 keystore, or 64 hex digits and nothing else."),
    "POE-CFG-023": Meaning(
        "A keystore's password is missing, wrong or unfit.",
        "Put it into the file that l1.password_file names.",
    ),
    "POE-CFG-050": Meaning("The arbiter's award policy is none that this version knows.", "Use a newer poe."),
    "POE-CFG-060": Meaning(
        "This account holds no sequencer's seat.", "`poe sequencer bond` takes one, for the arbiter's bond."
    ),
    "POE-CFG-070": Meaning(
        "What a batch pays or a sequencer puts down is none the arbiter would take.", "The message says what is wanted."
    ),
    "POE-INP-001": Meaning("Something from outside is malformed.", "The message names the field."),
    "POE-INP-002": Meaning("The command line is not understood.", "Add --help to the command."),
    "POE-INP-010": Meaning(
        "A request's body is not strict JSON.", "No NaN, fractions, duplicate keys or deep nesting."
    ),
    "POE-INP-011": Meaning("A request lacks a field.", "The message names it."),
    "POE-INP-012": Meaning("A request has a field that is not known.", "The message names it."),
    "POE-INP-013": Meaning("A request's field has the wrong type.", "Field elements are decimal strings."),
    "POE-INP-014": Meaning("A request's field is out of its range.", "docs/protocol.md section 3 has the widths."),
    "POE-INP-016": Meaning("The shape needs more memory than half of this machine's.", "Take a smaller shape."),
    "POE-INP-017": Meaning("The file named for the output cannot be written.", "Name another file."),
    "POE-INP-020": Meaning("The rollup has not ended.", "`poe arbiter exit-mode` ends it once that is due."),
    "POE-INP-021": Meaning(
        "The account has left already.", "Its balance is credited to its exit address: `poe tx withdraw`."
    ),
    "POE-INP-022": Meaning("The final state has no such account.", "Was its deposit never taken up? `poe tx refund`."),
    "POE-INP-023": Meaning(
        "There is nothing to refund.", "Only void batches and entries that no final batch drained are."
    ),
    "POE-INP-024": Meaning("The rollup cannot be ended yet.", "The message says when; finalize what is ready first."),
    "POE-INP-040": Meaning("A shape is not understood.", "Slots x depth, such as 4x5."),
    "POE-INP-041": Meaning("An option's value is out of its range.", "The message says the least or the most."),
    "POE-INP-042": Meaning("There is no such error code.", "docs/errors.md lists them."),
    "POE-INP-043": Meaning(
        "The folder is not the data folder of a node of that kind.", "Name data_dir of its settings."
    ),
    "POE-INP-044": Meaning(
        "The data folder holds no finished proof of that batch.", "`poe prover status` tells what the node proved."
    ),
    "POE-INP-045": Meaning("`poe init` lacks answers.", "Name them as flags, or answer on a terminal."),
    "POE-INP-046": Meaning("The file to write exists already.", "Name another file; settings give way to --force."),
    "POE-INP-090": Meaning("No prover runs on the data folder.", "There is nothing to drain."),
    "POE-INP-091": Meaning(
        "The prover still drains.", "Ask again with a longer --timeout-seconds, or stop it by SIGTERM: proofs are kept."
    ),
    "POE-INP-092": Meaning("L1 has ordered no such batch.", "`poe market stats` tells how far they go."),
    "POE-INP-093": Meaning("L1 has accepted no proof of the batch.", "Wait until somebody proves it."),
    "POE-INP-094": Meaning(
        "A contract, not a transaction of its own, brought the proof to L1.", "Its call is not on record to check."
    ),
    "POE-INP-095": Meaning("The folder is no sequencer's.", "Name the folder that is data_dir in its settings."),
    "POE-L1-000": Meaning("Ethereum cannot be reached or disagrees.", "The message says more."),
    "POE-L1-001": Meaning(
        "The RPC endpoint gave no answer in time.", "Check l1.rpc_url; the node tries again by itself."
    ),
    "POE-L1-002": Meaning("Another chain id, or no arbiter at the address.", "Check l1.chain_id and l1.arbiter."),
    "POE-L1-003": Meaning(
        "The arbiter refused a call.", "The message has its named error; contracts/DESIGN.md explains."
    ),
    "POE-L1-004": Meaning(
        "A proof of this batch is accepted already.", "A rival won; nothing was spent if it was simulated."
    ),
    "POE-L1-005": Meaning(
        "A transaction was not mined in time.",
        "Does the L1 node make blocks, is the account funded, is the fee cap high enough?",
    ),
    "POE-L1-006": Meaning("The endpoint answered a call with an error.", "The message has the endpoint's words."),
    "POE-L1-007": Meaning("The endpoint's answer is malformed or contradicts itself.", "Use another endpoint."),
    "POE-L1-008": Meaning(
        "L1's gas costs more now than what the transaction earns.", "Nothing was sent; wait for cheaper blocks."
    ),
    "POE-L1-080": Meaning(
        "The endpoints of l1.rpc_url disagree about the chain and none has a majority; nothing is sent meanwhile.",
        "The message says who says what. It ends when they agree again; a third endpoint would decide.",
    ),
    "POE-L1-081": Meaning(
        "The endpoint asks us to come back later (HTTP 429 or 503).",
        "Name a second endpoint in l1.rpc_url, raise l1.poll_seconds, or take a larger plan.",
    ),
    "POE-L1-082": Meaning(
        "Another transaction of the same account was mined at the nonce of ours.",
        "Use the account for one node alone. What was not done is looked at anew and sent again if it still holds.",
    ),
    "POE-L1-083": Meaning(
        "An endpoint is behind the others, or says other things than most of them; it is not used meanwhile.",
        "Look at that node: is it synced, is it on the right network, who runs it?",
    ),
    "POE-L1-090": Meaning(
        "L1 has accepted another new root for a batch than executing it here gives.",
        "Check with `poe batch verify`; if a proof of our root is at hand, `poe arbiter raise-alarm` in time.",
    ),
    "POE-L1-091": Meaning(
        "An alarm was raised: two proofs of one batch disagree. That batch and all after it are cancelled.",
        "The rollup has ended in the state before it: leave with `poe tx leave`; what was paid stays paid.",
    ),
    "POE-NET-001": Meaning("A peer misbehaved, or a body could not be fetched.", "The node asks others by itself."),
    "POE-NET-002": Meaning("A message that no honest node writes.", "The peer is scored down; nothing to do."),
    "POE-NET-003": Meaning("A stream or connection to a peer failed.", "The node tries again by itself."),
    "POE-NET-004": Meaning("The address to listen on cannot be used.", "Check net.listen_host and net.port."),
    "POE-NET-005": Meaning("The network identity's file is no key, or others can read it.", "chmod 600, or remove it."),
    "POE-NET-006": Meaning("A peer sent something that is provably not the batch asked for.", "The peer is banned."),
    "POE-NET-007": Meaning("A peer follows another rollup.", "Check net.bootstrap."),
    "POE-NET-008": Meaning(
        "Our own announcement would be rejected by every peer.", "Does our account hold a sequencer's seat?"
    ),
    "POE-SEQ-000": Meaning("The sequencer refuses a transaction.", "The message says why."),
    "POE-SEQ-001": Meaning("The mempool is full.", _RETRY),
    "POE-SEQ-002": Meaning("The account has too many waiting transactions.", _RETRY),
    "POE-SEQ-003": Meaning("The nonce is used already.", "Ask for the account's next nonce."),
    "POE-SEQ-004": Meaning("A waiting transaction of this nonce pays as much.", "Pay a higher fee to replace it."),
    "POE-SEQ-005": Meaning("The balance does not cover what waits already and this.", "Deposit, or send less."),
    "POE-SEQ-006": Meaning("The nonce is too far ahead.", "Send the ones before it first."),
    "POE-SEQ-007": Meaning("The sequencer is still catching up with L1.", _RETRY),
    "POE-SEQ-008": Meaning("The mempool is full, because sealed batches wait for their posting.", _RETRY),
    "POE-SEQ-009": Meaning("The rollup has ended: exit mode.", "`poe tx leave` takes your balance out."),
    "POE-SEQ-010": Meaning("The sender's account does not exist.", "Deposit first, and wait for the deposit's batch."),
    "POE-SEQ-011": Meaning("The recipient's account does not exist.", "Check the index; it must have had a deposit."),
    "POE-SEQ-012": Meaning("The signature does not hold.", "Is it for this chain, arbiter and account key?"),
    "POE-SEQ-013": Meaning("The 128 bytes are no transaction in its only encoding.", "docs/protocol.md section 3."),
    "POE-SEQ-020": Meaning("L1 reorganised deeper than can be undone.", "Start again: the state is rebuilt from L1."),
    "POE-SEQ-021": Meaning(
        "The sequencer's store on disk is damaged or cannot be written.",
        "Free space; else move it away: L1 has it all.",
    ),
    "POE-SEQ-030": Meaning("The sequencer cannot be reached.", "Check the address, and that it runs."),
    "POE-SEQ-031": Meaning("The sequencer's answer is malformed.", _REPORT),
    "POE-SEQ-032": Meaning("The sequencer refused a call.", "The message has its words and code."),
    "POE-SEQ-033": Meaning("Deposited accounts did not appear in time.", "Look at the sequencer's log."),
    "POE-SEQ-034": Meaning("A benchmark's client or its sealing did not end.", "Its own error is above."),
    "POE-SEQ-060": Meaning("Posting is halted: a batch waits for its proof for too long.", "It resumes with a proof."),
    "POE-SEQ-061": Meaning("L1 holds as many batches without a proof as it may.", "It goes on with a proof."),
    "POE-SEQ-062": Meaning(
        "The sequencer's bond does not cover the backlog.", "Its operator: `poe sequencer bond --top-up`."
    ),
    "POE-SEQ-063": Meaning("The sequencer holds no seat any more.", "Send to another; its operator: see the log."),
    "POE-SEQ-064": Meaning("The account cannot pay a sequencer's bond.", "Send it the bond, and more for gas."),
    "POE-RAC-001": Meaning(
        "Won: our proof was accepted.", "The reward is credited when the batch is final: `withdraw`."
    ),
    "POE-RAC-002": Meaning("Won: our proof was accepted, landed by another account.", "The payee inside it is paid."),
    "POE-RAC-010": Meaning(
        "Lost: a rival's proof was accepted before ours.", "Race faster, or with the strategy spread or value."
    ),
    "POE-RAC-020": Meaning("Stopped while proving: a rival was accepted, or the batch is gone.", "Nothing to do."),
    "POE-RAC-021": Meaning("The batch is gone: L1 ordered another one at its number.", "Nothing to do."),
    "POE-RAC-022": Meaning("The proof is kept: L1 has not ordered the batch yet.", "It is sent when L1 does."),
    "POE-RAC-023": Meaning("The rollup has ended by exit mode.", "Your credit can be withdrawn."),
    "POE-RAC-040": Meaning(
        "Finished first, and not sent: the node runs in shadow mode.", "Set prover.shadow to false to earn."
    ),
    "POE-RAC-050": Meaning(
        "The batch is leased to another prover.", "Nothing to do: it is open to all when the lease is over."
    ),
    "POE-RAC-051": Meaning(
        "Nobody knows yet whose lease the batch is.", "The block after its posting tells; no proof is begun before."
    ),
    "POE-RAC-052": Meaning(
        "Our proof was taken; the award policy decides later who is paid.", "The node settles the award if it is ours."
    ),
    "POE-RAC-053": Meaning("Won: the award policy paid us.", "Nothing to do."),
    "POE-RAC-054": Meaning(
        "Our proof was taken, and the award policy paid another.", "A larger stake is drawn more often."
    ),
    "POE-RLY-001": Meaning("The proof was landed.", "Its tip is credited to the relaying account: `withdraw`."),
    "POE-RLY-002": Meaning("The proof was sent, and another was accepted first.", "Nothing to do."),
    "POE-RLY-010": Meaning("A proof of this batch is accepted already.", "Nothing to do."),
    "POE-RLY-011": Meaning("Another file offers more for the same batch.", "Nothing to do."),
    "POE-RLY-012": Meaning(
        "The batch would not become final: it is not next in line, or the proof is about another state.",
        "Relay it with the proofs of the batches before it, or after them.",
    ),
    "POE-RLY-013": Meaning(
        "The tips do not pay for the gas.", "Wait for cheaper blocks, or relay it with proofs that offer more."
    ),
    "POE-RLY-020": Meaning("The file cannot be read, or is larger than a proof.", "Name another file."),
    "POE-RLY-021": Meaning("The file holds no proof of this format.", "The message names the field."),
    "POE-RLY-022": Meaning("The proof is for another rollup.", "Check --arbiter, --chain-id and the version of poe."),
    "POE-RLY-023": Meaning("L1 has ordered no such batch.", "Wait until it has; or L1 ordered another one."),
    "POE-RLY-024": Meaning("The proof does not hold.", "Ask whoever made it for another."),
    "POE-RLY-025": Meaning("The arbiter takes no such payee or tip.", "The tip is at most the reward."),
    "POE-RLY-026": Meaning(
        "The proof holds and contradicts the one that made its batch final.", "`poe arbiter raise-alarm` in time."
    ),
    "POE-RLY-071": Meaning("No alarm can be raised: the batch is not final.", "Wait until it is."),
    "POE-RLY-072": Meaning(
        "The proof contradicts no final batch.", "It must start from the root that the batch itself started from."
    ),
    "POE-BCK-001": Meaning("The Rust core refused a key, witness or proof.", "The message says what is wrong with it."),
    "POE-BCK-002": Meaning(
        "The arbiter verifies another circuit.", "Run the version of poe that the arbiter was deployed with."
    ),
    "POE-BCK-003": Meaning("The arbiter does not start from the empty state.", "It is not an arbiter poe deployed."),
    "POE-BCK-004": Meaning(
        "The proving key does not belong to the arbiter's verifying key.", "Import the key it was deployed with."
    ),
    "POE-BCK-020": Meaning("A mutation of the circuit survived.", "A soundness bug: please report it."),
    "POE-BCK-030": Meaning(
        "The external prover failed, or its proof does not hold.", "Run its command by hand on exported files."
    ),
    "POE-BCK-090": Meaning("Proofs end before they can be stopped in the middle.", "Measure a larger shape."),
    "POE-BCK-091": Meaning(
        "A batch that L1 has accepted does not verify here.",
        "Ask another endpoint; if it says the same, raise the alarm: the arbiter and this build disagree.",
    ),
    "POE-JNL-000": Meaning("The journal cannot be used.", "The message says why."),
    "POE-JNL-003": Meaning("The data folder belongs to another node.", "Name another folder in data_dir."),
    "POE-JNL-004": Meaning("The journal was written by a newer poe.", "Use that version, or another folder."),
    "POE-JNL-005": Meaning(
        "The journal's file is damaged, or the disk is full.",
        "Free space; else move the file away: it is rebuilt from L1.",
    ),
    "POE-JNL-090": Meaning(
        "The journal holds records and not whose they are: it is damaged.",
        "Move the file away: what it held is read from L1 again.",
    ),
    "POE-TOL-001": Meaning(
        "A program, file or port that a command needs is missing or taken.", "The message names it."
    ),
    "POE-TOL-002": Meaning("A port to serve on is taken.", "Choose another, or 0 for a free one."),
    "POE-TOL-004": Meaning(
        "A node of the testnet ended or did not come up.", "The message ends with its log's last line."
    ),
    "POE-TOL-005": Meaning("The folder is not empty and holds no testnet.", "Name another folder."),
    "POE-TOL-006": Meaning("The testnet did not finish in time.", "Look into the logs in its folder."),
    "POE-TOL-007": Meaning("A folder for keys or exported files cannot be written.", "Name another folder."),
    "POE-TOL-008": Meaning("The data folder cannot be used.", "Name another, or mend its permissions."),
    "POE-TOL-009": Meaning("Another process uses the data folder.", "Stop it, or name another folder."),
    "POE-DOC-001": Meaning("The Rust core computes wrongly.", "Install poe again; else report it with your processor."),
    "POE-DOC-002": Meaning(
        "The processor lacks AVX-512 IFMA.", "Proofs take several times as long; `poe bench prove` tells how long."
    ),
    "POE-DOC-003": Meaning("Memory is short for the arbiter's shape.", "Free some, or take a larger machine."),
    "POE-DOC-004": Meaning("Disk space is short.", "Free some, or name another folder."),
    "POE-DOC-005": Meaning(
        "This clock and the chain's disagree.", "Set the clock (NTP); if it is right, use another endpoint."
    ),
    "POE-DOC-006": Meaning("The account can pay for few proofs or none.", "Send ETH to it."),
    "POE-DOC-007": Meaning("An endpoint is open to other machines.", "Set its host to 127.0.0.1, or guard it."),
    "POE-DOC-008": Meaning(
        "The account's key lies on the disk without a password.", "`poe key import` makes a keystore of it."
    ),
}
