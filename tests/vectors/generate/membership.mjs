// membership.json, written from docs/protocol.md sections 2 and 9 alone, so that no implementation judges itself.
import { buildPoseidon } from "circomlibjs";
import { drawElement, drawWord, word, writeVectors } from "./words.mjs";

const poseidon = await buildPoseidon();
const hash = (inputs) => poseidon.F.toObject(poseidon(inputs));
const WIDEST = { balance: 2n ** 96n - 1n, nonce: 2n ** 32n - 1n, exitAddress: 2n ** 160n - 1n };

const EMPTY = [0n];
while (EMPTY.length <= 24) EMPTY.push(hash(Array(4).fill(EMPTY.at(-1))));

const account = (label, index) => ({
  index,
  keyX: drawElement(`${label} x`),
  keyY: drawElement(`${label} y`),
  balance: drawWord(`${label} balance`) >> 160n,
  nonce: drawWord(`${label} nonce`) >> 224n,
  exitAddress: drawWord(`${label} exit address`) >> 96n,
});

const leaf = ({ keyX, keyY, balance, nonce, exitAddress }) => hash([keyX, keyY, balance, nonce, exitAddress]);

/** Levels of the tree, leaves first, each a map from position to node; what is missing is empty. */
function levels(accounts, depth) {
  const all = [new Map(accounts.map((account) => [account.index, leaf(account)]))];
  for (let height = 0; height < depth; height++) {
    const parents = new Set([...all[height].keys()].map((position) => position / 4n));
    all.push(new Map([...parents].map((parent) => [parent, hash(children(all[height], height, parent))])));
  }
  return all;
}

const children = (nodes, height, parent) =>
  [0n, 1n, 2n, 3n].map((digit) => nodes.get(4n * parent + digit) ?? EMPTY[height]);

function path(tree, depth, index) {
  return Array.from({ length: depth }, (_, height) => children(tree[height], height, index / 4n ** BigInt(height + 1)));
}

function vectors(depth) {
  const last = 4n ** BigInt(depth) - 1n;
  const indices = [...new Set([0n, 1n, last / 3n, last])];
  const accounts = indices.map((index) => account(`${depth} ${index}`, index));
  accounts[1] = { ...accounts[1], ...WIDEST };
  const tree = levels(accounts, depth);
  const root = tree[depth].get(0n);
  return {
    depth: word(depth),
    root: word(root),
    accounts: accounts.map((account) => ({
      index: word(account.index),
      public_key_x: word(account.keyX),
      public_key_y: word(account.keyY),
      balance: word(account.balance),
      nonce: word(account.nonce),
      exit_address: word(account.exitAddress),
    })),
    members: accounts.map(({ index, balance, exitAddress }) => ({
      path: path(tree, depth, index).map((level) => level.map(word)),
      public_inputs: [root, index * 2n ** 160n + exitAddress, balance].map(word),
    })),
  };
}

writeVectors("membership.json", {
  encoding: "numbers are 32-byte big-endian hex words; members[i] is of accounts[i], its path from the leaf's parent up",
  cases: [1, 2, 5, 10].map(vectors),
});
process.exit(0); // ffjavascript leaves its worker threads running
