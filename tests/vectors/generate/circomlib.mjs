// Known answers of circomlibjs and its BLAKE-512: poseidon.json, merkle.json, blake512.json, eddsa.json.
import createBlakeHash from "blake-hash";
import { buildBabyjub, buildEddsa, buildPoseidon } from "circomlibjs";
import { FIELD_ORDER, drawElement, drawWord, word, writeVectors } from "./words.mjs";

const ENCODING = "numbers are 32-byte big-endian hex words, byte strings plain hex";
const MAX_DEPTH = 24;

const poseidon = await buildPoseidon();
const eddsa = await buildEddsa();
const curve = await buildBabyjub();
const field = curve.F;

const hash = (inputs) => field.toObject(poseidon(inputs));
const lift = (point) => point.map((coordinate) => field.e(coordinate));
const lower = (point) => point.map((coordinate) => field.toObject(coordinate));
const times = (point, scalar) => lower(curve.mulPointEscalar(lift(point), scalar));
const plus = (p, q) => lower(curve.addPoint(lift(p), lift(q)));

const BASE8 = lower(curve.Base8);
const ORDER = curve.subOrder;
const TORSION = times(lower(curve.Generator), ORDER); // order 8

function poseidonVectors() {
  const cases = [];
  for (let count = 1; count <= 16; count++) {
    const indices = [...Array(count).keys()];
    cases.push(
      indices.map(() => 0n),
      indices.map(() => FIELD_ORDER - 1n),
      indices.map((i) => BigInt(i + 1)),
      indices.map((i) => drawElement(`poseidon ${count} ${i} first`)),
      indices.map((i) => drawElement(`poseidon ${count} ${i} second`)),
    );
  }
  return {
    encoding: ENCODING,
    cases: cases.map((inputs) => ({ inputs: inputs.map(word), hash: word(hash(inputs)) })),
  };
}

function merkleVectors() {
  const nodes = [0n];
  while (nodes.length <= MAX_DEPTH) nodes.push(hash(Array(4).fill(nodes.at(-1))));
  return { encoding: `${ENCODING}; empty_nodes[h] is the root of an empty subtree of height h`, empty_nodes: nodes.map(word) };
}

function blakeVectors() {
  const lengths = [0, 1, 32, 64, 110, 111, 112, 113, 127, 128, 129, 239, 240, 256, 500];
  return {
    encoding: ENCODING,
    cases: lengths.map((length) => {
      const message = Buffer.from(Array.from({ length }, (_, i) => (i * 7 + length) & 255));
      return { message: "0x" + message.toString("hex"), hash: "0x" + createBlakeHash("blake512").update(message).digest("hex") };
    }),
  };
}

const SECRETS = [
  Buffer.alloc(32),
  Buffer.alloc(32, 0xff),
  Buffer.from(Array.from({ length: 32 }, (_, i) => i)),
  Buffer.from(word(drawWord("secret 3")).slice(2), "hex"),
  Buffer.from(word(drawWord("secret 4")).slice(2), "hex"),
];

const publicKeyOf = (secret) => lower(eddsa.prv2pub(secret));

function signed(secret, message) {
  const { R8, S } = eddsa.signPoseidon(secret, field.e(message));
  return { publicKey: publicKeyOf(secret), r8: lower(R8), s: S, message };
}

/** A signature under a secret scalar that is known outright, with parts of one's choosing. */
function forged({ scalar, nonce, publicKey = times(BASE8, scalar), r8 = times(BASE8, nonce), message }) {
  const challenge = hash([...r8, ...publicKey, message]);
  return { publicKey, r8, s: (nonce + 8n * challenge * scalar) % ORDER, message };
}

function acceptedByCircomlibjs({ publicKey, r8, s, message }) {
  try {
    return eddsa.verifyPoseidon(field.e(message), { R8: lift(r8), S: s }, lift(publicKey));
  } catch {
    return false;
  }
}

function signatureCases() {
  const cases = [];
  const expect = (name, valid, signature) => cases.push({ name, valid, signature });
  const messages = [0n, 1n, FIELD_ORDER - 1n, drawElement("message 3")];
  SECRETS.forEach((secret, i) => messages.forEach((m, j) => expect(`secret ${i} signs message ${j}`, true, signed(secret, m))));

  const good = signed(SECRETS[3], drawElement("message"));
  const [rx, ry] = good.r8;
  const [ax, ay] = good.publicKey;
  expect("another message", false, { ...good, message: good.message + 1n });
  expect("another key", false, { ...good, publicKey: publicKeyOf(SECRETS[4]) });
  expect("another s", false, { ...good, s: good.s + 1n });
  expect("s zero", false, { ...good, s: 0n });
  expect("s negated", false, { ...good, s: ORDER - good.s });
  expect("s plus the subgroup order", false, { ...good, s: good.s + ORDER });
  expect("s the subgroup order", false, { ...good, s: ORDER });
  expect("s the largest word", false, { ...good, s: 2n ** 256n - 1n });
  expect("r8 negated", false, { ...good, r8: [FIELD_ORDER - rx, ry] });
  expect("r8 with its coordinates swapped", false, { ...good, r8: [ry, rx] });
  expect("r8 off the curve", false, { ...good, r8: [rx + 1n, ry] });
  expect("r8 zero", false, { ...good, r8: [0n, 0n] });
  expect("key off the curve", false, { ...good, publicKey: [ax, ay + 1n] });
  expect("key zero", false, { ...good, publicKey: [0n, 0n] });
  expect("s word plus r", true, { ...good, s: good.s + FIELD_ORDER });
  expect("r8 words plus r", true, { ...good, r8: [rx + FIELD_ORDER, ry + FIELD_ORDER] });
  expect("key words plus 2r", true, { ...good, publicKey: [ax + 2n * FIELD_ORDER, ay + 2n * FIELD_ORDER] });
  expect("message word plus r", true, { ...good, message: good.message + FIELD_ORDER });
  expect("key off the curve that fulfils the equation", false, offCurveForgery());
  return [...cases, ...torsionCases()];
}

function torsionCases() {
  const cases = [];
  const message = drawElement("torsion message");
  const scalar = drawWord("torsion scalar") % ORDER;
  const nonce = drawWord("torsion nonce") % ORDER;
  const expect = (name, valid, parts) => cases.push({ name, valid, signature: forged({ scalar, nonce, message, ...parts }) });
  expect("scalar known outright", true, {});
  [8n, 4n, 2n, 1n].forEach((order) => {
    const point = times(TORSION, 8n / order);
    const moved = plus(times(BASE8, scalar), point);
    expect(`key of order ${order}`, false, { scalar: 0n, publicKey: point });
    expect(`key plus a point of order ${order}`, true, { publicKey: moved });
    expect(`r8 of order ${order}`, false, { nonce: 0n, r8: point });
    if (order > 1n) expect(`r8 plus a point of order ${order}`, false, { r8: plus(times(BASE8, nonce), point) });
  });
  return cases;
}

/** Off the curve, (0, y) times n is (0, y^n): with y of order 16, an even challenge takes 8·A to the identity. */
function offCurveForgery() {
  const publicKey = [0n, field.toObject(field.exp(field.e(5n), (FIELD_ORDER - 1n) / 16n))];
  const nonce = drawWord("off-curve nonce") % ORDER;
  const r8 = times(BASE8, nonce);
  let message = 0n;
  while (hash([...r8, ...publicKey, message]) % 2n === 1n) message++;
  return { publicKey, r8, s: nonce, message };
}

function eddsaVectors() {
  const note =
    "valid is the verdict of docs/protocol.md section 4 rule 10; circomlibjs is what that library says, which " +
    "differs where it does not look at small orders or reduce words";
  return {
    encoding: `${ENCODING}; ${note}`,
    keys: SECRETS.map((secret) => ({ secret: "0x" + secret.toString("hex"), public_key: publicKeyOf(secret).map(word) })),
    deterministic: SECRETS.map((secret, i) => {
      const { r8, s, message } = signed(secret, drawElement(`deterministic ${i}`));
      return { secret: "0x" + secret.toString("hex"), message: word(message), r8: r8.map(word), s: word(s) };
    }),
    cases: signatureCases().map(({ name, valid, signature }) => ({
      name,
      public_key: signature.publicKey.map(word),
      r8: signature.r8.map(word),
      s: word(signature.s),
      message: word(signature.message),
      valid,
      circomlibjs: acceptedByCircomlibjs(signature),
    })),
  };
}

writeVectors("poseidon.json", poseidonVectors());
writeVectors("merkle.json", merkleVectors());
writeVectors("blake512.json", blakeVectors());
writeVectors("eddsa.json", eddsaVectors());
process.exit(0); // ffjavascript leaves its worker threads running
