#!/usr/bin/env node
// Writes what the Python package ships of the contracts, from forge's output: artifacts.mjs TARGET_FOLDER
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SHIPPED = ["Arbiter", "Groth16Verifier", "Lease", "PhotoFinish"];
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

const readBuilt = (name) => JSON.parse(readFileSync(join(root, "out", `${name}.sol`, `${name}.json`), "utf8"));

/** The arbiter answers its interface by two bodies: callers see the interface, deployers the constructor. */
function abiOf(name, built) {
  if (name !== "Arbiter") return built.abi;
  return [...built.abi.filter(({ type }) => type === "constructor"), ...readBuilt("IArbiter").abi];
}

function artifact(name) {
  const built = readBuilt(name);
  const { optimizer, evmVersion, metadata } = built.metadata.settings;
  return {
    abi: abiOf(name, built),
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
for (const name of SHIPPED) {
  writeFileSync(join(target, `${name}.json`), `${JSON.stringify(artifact(name), null, 1)}\n`);
}
