// Times snarkjs's Groth16 prover: node snarkjs.mjs CIRCUIT.zkey WITNESS.wtns RUNS. Prints JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const tool = createRequire(fileURLToPath(new URL("../../integration/snarkjs/package.json", import.meta.url)));
const snarkjs = tool("snarkjs");
const { version } = tool("./package-lock.json").packages["node_modules/snarkjs"];
const [zkeyPath, witnessPath, runs] = process.argv.slice(2);

// In memory, so that no run pays for the disk; snarkjs still parses the key each time.
const zkey = new Uint8Array(readFileSync(zkeyPath));
const witness = new Uint8Array(readFileSync(witnessPath));
const key = await snarkjs.zKey.exportVerificationKey(zkey);
const seconds = [];
for (let run = 0; run < Number(runs); run++) {
  const started = process.hrtime.bigint();
  const { proof, publicSignals } = await snarkjs.groth16.prove(zkey, witness);
  seconds.push(Number(process.hrtime.bigint() - started) / 1e9);
  if (!(await snarkjs.groth16.verify(key, publicSignals, proof))) throw new Error("the proof does not verify");
}
console.log(JSON.stringify({ name: "snarkjs", version, prove_seconds: seconds }));
process.exit(0); // snarkjs's worker threads would keep the process alive
