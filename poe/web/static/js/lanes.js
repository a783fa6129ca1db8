// A lane: one batch's race drawn on a time axis, the same on the race's page and, larger, on the batch's own.

import { h } from "./dom.js";
import { seconds } from "./format.js";
import { colourOf, glyph, nameOf, placeOf } from "./identity.js";
import { timeOf } from "./store.js";

const NICE = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 45, 60, 90, 120, 300, 600, 1800, 3600];

/** When a batch was out: the first anybody could have begun. */
export function startOf(row) {
  const times = [timeOf(row.posted), row.heard, ...row.runs.map((run) => run.started), ...row.racers.map((r) => r.since)];
  return Math.min(...times.filter((time) => time !== null && time > timeOf(row.posted) - 60));
}

/** When the last thing happened that a lane shows; now, while it is open. */
export function endOf(row, now) {
  const last = row.final ? timeOf(row.final) : row.proof ? Math.max(timeOf(row.proof), now) : now;
  return row.proof ? Math.max(last, ...row.runs.map((run) => run.ended)) : last;
}

/** The shortest nice span that holds these rows. */
export function spanOf(rows, now) {
  const longest = Math.max(1, ...rows.map((row) => endOf(row, row.proof && !row.final ? Math.min(now, timeOf(row.proof) + 4) : now) - startOf(row)));
  return NICE.find((nice) => nice >= longest) ?? longest;
}

/** The provers in a race, each with when it began and stopped: by report if there is one, else as gossip says. */
export function runnersOf(row) {
  const reported = new Map(row.runs.map((run) => [run.prover, run]));
  const said = row.racers.filter((racer) => !reported.has(racer.prover));
  return [
    ...row.runs.map((run) => ({ prover: run.prover, from: run.started, to: run.proved ?? run.ended, finished: run.proved !== null, isOver: true })),
    ...said.map((racer) => ({ prover: racer.prover, from: racer.since, to: null, until: racer.until, finished: false, isSaid: true })),
  ].sort((a, b) => a.from - b.from);
}

/** Draws a row's runs and marks into `box`. `pitch` is the height of a run in px, `most` how many are drawn. */
export function drawRuns(box, row, { span, now, pitch = 9, most = 6, named = false }) {
  const start = startOf(row);
  const at = (time) => `${(100 * Math.min(1, Math.max(0, (time - start) / span))).toFixed(3)}%`;
  const runners = runnersOf(row).slice(0, most);
  const height = Math.max(24, runners.length * pitch + 6);
  const parts = runners.flatMap((runner, i) => drawRun(runner, row, { at, top: 4 + i * pitch, now, named }));
  const isTogether = row.proof && row.final && timeOf(row.final) - timeOf(row.proof) < span / 12;
  const marks = [mark("posted", row.posted, at, named && "on L1")];
  if (row.proof) marks.push(mark("accepted", row.proof, at, named && (isTogether ? "proven, final" : "proven")));
  if (row.final) marks.push(mark("final", row.final, at, named && !isTogether && "final"));
  box.style.height = `${height}px`;
  box.style.setProperty("--tick", `${100 / stepsOf(span)}%`);
  box.replaceChildren(...parts, ...marks);
}

function drawRun(runner, row, { at, top, now, named }) {
  const place = placeOf(runner.prover);
  const stopped = row.proof ? timeOf(row.proof) : Math.min(now, runner.until ?? now);
  const to = runner.to ?? Math.max(runner.from, stopped);
  const left = at(runner.from);
  const width = `calc(${at(to)} - ${left})`;
  const isWinner = row.proof?.payee === runner.prover;
  const kind = `run${runner.isSaid ? " said" : ""}${row.proof && !isWinner ? " lost" : ""}`;
  const colour = colourOf(place);
  const bar = h("div", { class: kind, style: { left, width, top: `${top}px`, [runner.isSaid ? "border-color" : "background"]: colour } });
  const end = h("div", { class: "run-end", style: { left: at(to), top: `${top}px` } }, glyph(place));
  const stop = h("span", { class: "run-stop", style: { left: at(to), top: `${top}px` } }, "✕");
  const name = named ? [h("span", { class: "run-name", style: { top: `${top}px` } }, nameOf(runner.prover))] : [];
  return [bar, runner.finished || (runner.isSaid && (isWinner || !row.proof)) ? end : stop, ...name];
}

function mark(kind, step, at, text) {
  return h("div", { class: `mark ${kind}`, style: { left: at(timeOf(step)) } }, text ? h("span", { class: "mark-label" }, text) : null);
}

const ROUND = [0.2, 0.5, 1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 300, 600, 1200];

/** Into how many round steps a span divides. */
export function stepsOf(span) {
  return [5, 4, 3].find((count) => ROUND.some((round) => Math.abs(span / count - round) < 1e-6)) ?? 4;
}

/** Draws the axis of a span: a few round steps, in seconds. */
export function drawAxis(scale, span) {
  const count = stepsOf(span);
  const text = (i) => (i === 0 ? "0" : `${Number(((span * i) / count).toFixed(1))}${i === count ? "" : " s"}`);
  scale.replaceChildren(...Array.from({ length: count + 1 }, (_, i) => h("span", { style: { left: `${(100 * i) / count}%` } }, text(i))));
}

/** A race in words, for those who do not see the lane. */
export function describe(row) {
  const runners = runnersOf(row).length;
  if (!row.proof) return `Batch ${row.n}: ${runners} proving.`;
  return `Batch ${row.n}: ${nameOf(row.proof.payee)} won ${seconds(timeOf(row.proof) - timeOf(row.posted))} after posting, of ${Math.max(1, runners)}.`;
}
