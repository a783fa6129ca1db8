// circomlibjs as a judge: one JSON question a line on stdin, one JSON answer a line on stdout (tests/differential).
// Numbers are decimal strings. Only circomlibjs's own arithmetic decides; which rules are asked is docs/protocol.md's.
import { createInterface } from "node:readline";
import { buildEddsa, buildPoseidon } from "circomlibjs";
import { FIELD_ORDER } from "./words.mjs";

const ARITY = 4;
const BLOCK_WORDS = 15;

const poseidon = await buildPoseidon();
const eddsa = await buildEddsa();
const curve = eddsa.babyJub;
const field = curve.F;

const reduce = (text) => BigInt(text) % FIELD_ORDER;
const hash = (inputs) => field.toObject(poseidon(inputs));
const point = (pair) => pair.map((coordinate) => field.e(reduce(coordinate)));

/** Is eight times the point the identity? */
function hasSmallOrder(found) {
  const [x, y] = curve.mulPointEscalar(found, 8n);
  return field.isZero(x) && field.eq(y, field.one);
}

/** Rule 10: `library` is what circomlibjs says of the reduced words, `valid` that and no point of small order. */
function signature({ domain, word, key, r8, s }) {
  const message = hash([reduce(domain), reduce(word)]);
  const [a, r] = [point(key), point(r8)];
  const library = eddsa.verifyPoseidon(field.e(message), { R8: r, S: reduce(s) }, a);
  return { valid: library && !hasSmallOrder(a) && !hasSmallOrder(r), library };
}

/** C, and y at x, of the words of a statement. */
function statement({ words, x }) {
  const values = words.map(reduce);
  let commitment = BigInt(values.length);
  for (let start = 0; start < values.length; start += BLOCK_WORDS) {
    const block = values.slice(start, start + BLOCK_WORDS);
    while (block.length < BLOCK_WORDS) block.push(0n);
    commitment = hash([commitment, ...block]);
  }
  const at = BigInt(x);
  let [sum, power] = [0n, 1n];
  for (const value of values) {
    sum = (sum + value * power) % FIELD_ORDER;
    power = (power * at) % FIELD_ORDER;
  }
  return { commitment: commitment.toString(), y: sum.toString() };
}

/** Root of the tree of `depth` levels over accounts of five numbers each, by index. */
function root({ depth, accounts }) {
  let level = Array.from({ length: ARITY ** depth }, (_, i) => (i in accounts ? hash(accounts[i].map(BigInt)) : 0n));
  while (level.length > 1) {
    level = Array.from({ length: level.length / ARITY }, (_, i) => hash(level.slice(ARITY * i, ARITY * (i + 1))));
  }
  return level[0].toString();
}

const JUDGES = { signature, statement, root, hash: ({ inputs }) => hash(inputs.map(BigInt)).toString() };

for await (const line of createInterface({ input: process.stdin })) {
  const questions = JSON.parse(line);
  process.stdout.write(JSON.stringify(questions.map(({ ask, ...rest }) => JUDGES[ask](rest))) + "\n");
}
process.exit(0); // ffjavascript leaves its worker threads running
