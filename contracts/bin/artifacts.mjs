#!/usr/bin/env node
// Writes what the Python package ships of the contracts, from forge's output: artifacts.mjs TARGET_FOLDER
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

// What a contract answers beyond its own code, by delegation, is in its interface.
const SHIPPED = { Arbiter: ["IArbiter"], Groth16Verifier: [], Lease: [], PhotoFinish: [] };
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** One hash over all sources: SHA-256 of the lines "<SHA-256 of file>  <path>", sorted by path, as sha256sum prints. */
function sourceSha256() {
  const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
  const paths = readdirSync(join(root, "src"), { recursive: true })
    .filter((path) => path.endsWith(".sol"))
    .map((path) => `src/${path.replaceAll("\\", "/")}`)
    .sort();
  return hash(paths.map((path) => `${hash(readFileSync(join(root, path)))}  ${path}\n`).join(""));
}

const compiled = (name) => JSON.parse(readFileSync(join(root, "out", `${name}.sol`, `${name}.json`), "utf8"));

/** All entries of several ABIs, each once; names of arguments do not make another entry. */
function union(...abis) {
  const key = ({ type, name, inputs = [] }) => JSON.stringify([type, name, inputs.map((input) => input.internalType)]);
  return [...new Map(abis.flat().map((entry) => [key(entry), entry])).values()];
}

function artifact(name, interfaces) {
  const built = compiled(name);
  const { optimizer, evmVersion, metadata } = built.metadata.settings;
  return {
    abi: union(built.abi, ...interfaces.map((other) => compiled(other).abi)),
    bytecode: built.bytecode.object,
    deployedBytecode: built.deployedBytecode.object,
    sourceSha256: sourceSha256(),
    solc: built.metadata.compiler.version,
    settings: { optimizer, evmVersion, metadata },
  };
}

const target = process.argv[2];
if (target === undefined) throw new Error("usage: artifacts.mjs TARGET_FOLDER");
mkdirSync(target, { recursive: true });
for (const [name, interfaces] of Object.entries(SHIPPED)) {
  writeFileSync(join(target, `${name}.json`), `${JSON.stringify(artifact(name, interfaces), null, 1)}\n`);
}
