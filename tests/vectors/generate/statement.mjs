// statement.json, written from docs/protocol.md sections 3 and 5 alone, so that no implementation judges itself.
import { buildPoseidon } from "circomlibjs";
import { utils } from "ethers";
import { FIELD_ORDER, drawElement, drawWord, keccak, word, writeVectors } from "./words.mjs";

const poseidon = await buildPoseidon();
const address = (label) => utils.getAddress(utils.hexDataSlice(word(drawWord(label)), 12)).toLowerCase();
const encode = (types, values) => utils.defaultAbiCoder.encode(types, values);
const toField = (hex) => BigInt(keccak(hex)) >> 8n;

function commit(words) {
  let chained = BigInt(words.length);
  for (let start = 0; start < words.length; start += 15) {
    const block = words.slice(start, start + 15).map((value) => value % FIELD_ORDER);
    while (block.length < 15) block.push(0n);
    chained = poseidon.F.toObject(poseidon([chained, ...block]));
  }
  return chained;
}

function evaluate(words, x) {
  let power = 1n;
  let sum = 0n;
  for (const value of words) {
    sum = (sum + value * power) % FIELD_ORDER;
    power = (power * x) % FIELD_ORDER;
  }
  return sum;
}

/** Slot, address and amount as the arbiter takes them: 8, 160 and 64 bits, the slot highest. */
const packExit = ({ slot, address, amount }) => (BigInt(slot) << 224n) | (BigInt(address) << 64n) | amount;

function statement(facts) {
  const { name, slots, depth, deposits, forced, feeAccount, chainId, circuitVersion, number, tip } = facts;
  const { oldRoot, newRoot, data, exits } = facts;
  const arbiter = address(`${name} arbiter`);
  const payee = address(`${name} payee`);
  const shape = slots * 256 + depth;
  const header = [shape, deposits, forced, feeAccount].map(BigInt);
  const batchHash = keccak(utils.hexConcat([...header, ...data].map(word)));
  const domain = toField(encode(["uint256", "address", "uint256"], [chainId, arbiter, circuitVersion]));
  const context = toField(encode(["uint256", "bytes32", "address", "uint256"], [number, batchHash, payee, tip]));
  const pairs = Array(2 * slots).fill(0n);
  for (const exit of exits) [pairs[2 * exit.slot], pairs[2 * exit.slot + 1]] = [BigInt(exit.address), exit.amount];
  const words = [domain, oldRoot, newRoot, context, ...header, ...data, ...pairs];
  const posted = utils.hexConcat(words.map(word));
  const commitment = commit(words);
  const x = BigInt(keccak(utils.hexConcat([word(commitment), keccak(posted)]))) % FIELD_ORDER;
  return {
    name,
    slots: word(slots),
    depth: word(depth),
    deposits: word(deposits),
    forced: word(forced),
    fee_account: word(feeAccount),
    chain_id: word(chainId),
    arbiter,
    circuit_version: word(circuitVersion),
    number: word(number),
    payee,
    tip: word(tip),
    old_root: word(oldRoot),
    new_root: word(newRoot),
    data: utils.hexConcat(data.map(word)),
    exits: exits.map((exit) => ({
      slot: word(exit.slot),
      address: exit.address,
      amount: word(exit.amount),
      packed: word(packExit(exit)),
    })),
    domain: word(domain),
    batch_hash: batchHash,
    context: word(context),
    statement: words.map(word),
    commitment: word(commitment),
    x: word(x),
    y: word(evaluate(words, x)),
  };
}

const drawData = (name, slots) => Array.from({ length: 4 * slots }, (_, i) => drawWord(`${name} data ${i}`));

function variants(slots, depth) {
  const common = (name) => ({
    name,
    slots,
    depth,
    deposits: 0,
    forced: 0,
    feeAccount: 0,
    chainId: 31337n,
    circuitVersion: drawElement(`${slots}x${depth} circuit`) >> 6n,
    number: 1n,
    tip: 0n,
    oldRoot: drawElement(`${name} old root`),
    newRoot: drawElement(`${name} new root`),
    data: Array(4 * slots).fill(0n),
    exits: [],
  });
  const empty = common(`${slots}x${depth} empty`);
  const random = common(`${slots}x${depth} random unreduced words`);
  const edges = common(`${slots}x${depth} words around r and 2^256`);
  const few = common(`${slots}x${depth} exits of some slots`);
  const many = common(`${slots}x${depth} the widest exit of every slot`);
  const slotNumbers = Array.from({ length: slots }, (_, i) => i);
  const around = [FIELD_ORDER, 2n ** 256n - 1n, FIELD_ORDER - 1n, FIELD_ORDER + 1n, 5n * FIELD_ORDER, 0n, 2n ** 255n];
  return [
    { ...empty, newRoot: empty.oldRoot },
    {
      ...random,
      deposits: 1,
      feeAccount: 4 ** depth - 1,
      chainId: 1n,
      number: 2n ** 64n - 1n,
      tip: 10n ** 15n,
      data: drawData(random.name, slots),
    },
    {
      ...edges,
      deposits: slots,
      feeAccount: 2 ** 48 - 1,
      chainId: 2n ** 256n - 1n,
      circuitVersion: 2n ** 248n - 1n,
      number: 7n,
      tip: 2n ** 96n - 1n,
      oldRoot: 0n,
      newRoot: FIELD_ORDER - 1n,
      data: Array.from({ length: 4 * slots }, (_, i) => around[i % around.length]),
    },
    {
      ...few,
      forced: Math.ceil(slots / 2),
      data: drawData(few.name, slots),
      exits: slotNumbers
        .filter((slot) => slot % 2 === (slots - 1) % 2)
        .map((slot) => ({ slot, address: address(`${few.name} ${slot}`), amount: BigInt(slot) * 10n ** 9n })),
    },
    {
      ...many,
      forced: slots,
      data: drawData(many.name, slots),
      exits: slotNumbers.map((slot) => ({ slot, address: "0x" + "ff".repeat(20), amount: 2n ** 64n - 1n })),
    },
  ];
}

const shapes = [
  [1, 2],
  [2, 3],
  [4, 5],
];
writeVectors("statement.json", {
  encoding:
    "numbers, batch_hash and the words of statement are 32-byte big-endian hex words, arbiter and payee 20-byte " +
    "addresses, data the posted bytes in hex, unreduced; exits in slot order, packed as the arbiter takes them; " +
    "statement is V",
  cases: shapes.flatMap(([slots, depth]) => variants(slots, depth)).map(statement),
});
process.exit(0); // ffjavascript leaves its worker threads running
