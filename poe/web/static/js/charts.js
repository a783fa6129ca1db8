// The charts: winner share, latency, backlog; uPlot draws them on a canvas, and a sentence says the same.

import uPlot from "../vendor/uplot.js";
import { h } from "./dom.js";
import { percent, quantile, seconds } from "./format.js";
import { glyph, hatch, inkOf, nameOf, placeOf, REST } from "./identity.js";
import { provingSeconds, timeOf } from "./store.js";

const SHARE_BATCHES = 24;
const MOST_AREAS = 8;
const BINS = 16;
const BACKLOG_POINTS = 160;

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

class Chart {
  constructor(id, title, note, emptyText) {
    this.box = h("figure", { class: "chart", role: "img" });
    this.keys = h("p", { class: "keys" });
    this.empty = h("p", { class: "empty" }, emptyText);
    this.element = h(
      "section",
      { "aria-labelledby": id },
      h("div", { class: "head" }, h("h2", { id }, title), h("p", { class: "note" }, note)),
      this.box,
      this.keys,
      this.empty,
    );
    this.plot = null;
    this.shape = "";
    new ResizeObserver(() => this.resize()).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.forget());
  }

  /** Drop the plot: it is made anew, in the theme's colours, with the next data. */
  forget() {
    this.plot?.destroy();
    this.plot = null;
    if (this.last) this.show(...this.last);
  }

  resize() {
    if (this.plot && this.box.clientWidth) this.plot.setSize({ width: this.box.clientWidth, height: this.box.clientHeight });
  }

  /** Show columns with the options that `make` gives; `shape` changes when the options must. */
  show(shape, data, make, sentence) {
    this.last = [shape, data, make, sentence];
    const isEmpty = data === null;
    this.empty.hidden = !isEmpty;
    this.box.hidden = this.keys.hidden = isEmpty;
    if (isEmpty || !this.box.clientWidth) return;
    this.box.setAttribute("aria-label", sentence);
    if (this.plot && this.shape === shape) return void this.plot.setData(data);
    this.plot?.destroy();
    this.shape = shape;
    this.plot = new uPlot({ ...base(this.box), ...make() }, data, this.box);
  }
}

function base(box) {
  return { width: box.clientWidth, height: box.clientHeight, legend: { show: false }, cursor: { show: false }, padding: [10, 12, 0, 0] };
}

function axes(xText, yText) {
  const common = { stroke: css("--soft"), font: "12px " + css("--sans"), grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
  return [
    { ...common, grid: { show: false }, size: 28, gap: 6, values: (_, marks) => marks.map(xText) },
    { ...common, size: 44, gap: 6, values: (_, marks) => marks.map(yText) },
  ];
}

export class ShareChart extends Chart {
  constructor() {
    super("share-title", "Who wins", `share of the ${SHARE_BATCHES} batches up to each`, "Shares appear with the first winners.");
  }

  draw(store) {
    const won = store.sorted().filter((row) => row.proof);
    if (won.length < 2) return this.show("", null);
    const areas = [...new Set(won.map((row) => placeOf(row.proof.payee)))].sort((a, b) => a - b).slice(0, MOST_AREAS + 1);
    const columns = shares(won, areas);
    this.drawKeys(won, areas);
    const last = areas.map((place, i) => `${this.nameOf(place)} ${percent(columns[i + 1].at(-1) - (i ? columns[i].at(-1) : 0))}`);
    this.show(areas.join(), columns, () => this.options(areas), `Winner share now: ${last.join(", ")}.`);
  }

  nameOf(place) {
    return this.names.get(place) ?? "others";
  }

  drawKeys(won, areas) {
    this.names = new Map(won.map((row) => [placeOf(row.proof.payee), nameOf(row.proof.payee)]));
    this.names.set(REST, "others");
    this.keys.replaceChildren(...areas.map((place) => h("span", {}, glyph(place), this.nameOf(place))));
  }

  options(areas) {
    const series = areas.map((place, i) => ({
      stroke: inkOf(place),
      width: 1.25,
      points: { show: false },
      fill: i === 0 ? (u) => hatch(u.ctx, place) : undefined,
    }));
    const bands = areas.slice(1).map((place, i) => ({ series: [i + 2, i + 1], fill: (u) => hatch(u.ctx, place) }));
    return {
      scales: { x: { time: false }, y: { range: [0, 1] } },
      axes: axes((v) => (Number.isInteger(v) ? String(v) : ""), (v) => percent(v)),
      series: [{}, ...series],
      bands,
    };
  }
}

/** Batch numbers, then for each area the summed share up to it, over a sliding window. */
function shares(won, areas) {
  const counts = new Map(areas.map((place) => [place, 0]));
  const columns = [won.map((row) => row.n), ...areas.map(() => [])];
  won.forEach((row, i) => {
    const add = (of, change) => counts.set(placeOf(of.proof.payee), (counts.get(placeOf(of.proof.payee)) ?? 0) + change);
    add(row, 1);
    if (i >= SHARE_BATCHES) add(won[i - SHARE_BATCHES], -1);
    let sum = 0;
    areas.forEach((place, k) => columns[k + 1].push((sum += counts.get(place) / Math.min(i + 1, SHARE_BATCHES))));
  });
  return columns;
}

export class LatencyChart extends Chart {
  constructor() {
    super("latency-title", "How fast", "batches by seconds from posting to an accepted proof", "Times appear with the first proofs.");
  }

  draw(store) {
    const times = store.sorted().map(provingSeconds).filter((value) => value !== null && value >= 0).sort((a, b) => a - b);
    if (times.length < 2) return this.show("", null);
    const width = binWidth(quantile(times, 0.98));
    const counts = Array(BINS).fill(0);
    for (const value of times) counts[Math.min(BINS - 1, Math.floor(value / width))] += 1;
    const middles = counts.map((_, i) => (i + 0.5) * width);
    const [median, slow] = [quantile(times, 0.5), quantile(times, 0.95)];
    this.keys.replaceChildren(h("span", {}, `half within ${seconds(median)}`), h("span", {}, `95 % within ${seconds(slow)}`), h("span", {}, `slowest ${seconds(times.at(-1))}`));
    this.show(`w${width}`, [middles, counts], () => this.options(width), `Half of ${times.length} batches were proven within ${seconds(median)}, 95 % within ${seconds(slow)}.`);
  }

  options(width) {
    return {
      scales: { x: { time: false, range: [0, BINS * width] }, y: { range: (_, __, most) => [0, Math.max(4, most * 1.08)] } },
      axes: axes((v) => `${Number(v.toFixed(2))}`, (v) => (Number.isInteger(v) ? String(v) : "")),
      series: [{}, { stroke: css("--accent"), width: 1, fill: css("--accent") + "55", paths: uPlot.paths.bars({ size: [0.86, 100], align: 0 }), points: { show: false } }],
    };
  }
}

function binWidth(reach) {
  return [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300].find((width) => width * BINS >= reach) ?? 600;
}

export class BacklogChart extends Chart {
  constructor() {
    super("backlog-title", "How much waits", "batches on L1 not yet proven, and not yet final", "The backlog appears with the first batches.");
    this.keys.replaceChildren(h("span", {}, "━ not final"), h("span", {}, "┅ not proven"));
  }

  draw(store, now) {
    const rows = store.sorted();
    if (rows.length < 2) return this.show("", null);
    const columns = backlog(rows, now);
    const [notFinal, notProven] = [columns[1].at(-1), columns[2].at(-1)];
    this.show("backlog", columns, () => this.options(), `${notProven} batches wait for a proof, ${notFinal} to be final.`);
  }

  options() {
    const stepped = uPlot.paths.stepped({ align: 1 });
    return {
      scales: { x: { time: true }, y: { range: (_, __, most) => [0, Math.max(4, most + 1)] } },
      axes: axes((v) => new Date(v * 1000).toLocaleTimeString(undefined, { hour12: false, minute: "2-digit", second: "2-digit" }), (v) => (Number.isInteger(v) ? String(v) : "")),
      series: [
        {},
        { stroke: css("--ink"), width: 1.5, fill: css("--line") + "88", paths: stepped, points: { show: false } },
        { stroke: css("--win"), width: 1.75, dash: [5, 4], paths: stepped, points: { show: false } },
      ],
    };
  }
}

/** Times, and after each how many batches were not final and not proven. */
function backlog(rows, now) {
  const steps = rows.flatMap((row) => [
    [timeOf(row.posted), 1, 1],
    ...(row.proof ? [[timeOf(row.proof), 0, -1]] : []),
    ...(row.final ? [[timeOf(row.final), -1, 0]] : []),
  ]);
  steps.sort((a, b) => a[0] - b[0]);
  const columns = [[], [], []];
  const width = (steps.at(-1)[0] - steps[0][0]) / BACKLOG_POINTS;
  let [notFinal, notProven] = [0, 0];
  for (const [time, final, proven] of steps) {
    notFinal = Math.max(0, notFinal + final);
    notProven = Math.max(0, notProven + proven);
    if (time - columns[0].at(-1) <= width) columns[1].pop(), columns[2].pop();
    else columns[0].push(time);
    columns[1].push(notFinal), columns[2].push(notProven);
  }
  if (now > columns[0].at(-1)) columns[0].push(now), columns[1].push(notFinal), columns[2].push(notProven);
  return columns;
}
