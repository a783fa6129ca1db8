// Shared by the generators: how numbers are spelled, where files go, deterministic "random" words.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { utils } from "ethers";

export const FIELD_ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;

/** A number as 0x and 64 hex digits. */
export const word = (value) => "0x" + BigInt(value).toString(16).padStart(64, "0");

export const keccak = (hex) => utils.keccak256(hex);

/** The same unreduced 32-byte number for the same label, every time. */
export const drawWord = (label) => BigInt(keccak(utils.hexlify(utils.toUtf8Bytes(label))));

export const drawElement = (label) => drawWord(label) % FIELD_ORDER;

/** Writes one vector file into the folder named on the command line, by default the one above this. */
export function writeVectors(name, vectors) {
  const folder = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "..");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), JSON.stringify(vectors, null, 1) + "\n");
}
