// The track: the newest batches as lanes, those still raced for on top, redrawn as time passes.

import { h, reconcile, say } from "./dom.js";
import { eth, many, seconds } from "./format.js";
import { nameOf, who } from "./identity.js";
import { describe, drawAxis, drawRuns, runnersOf, spanOf } from "./lanes.js";
import { provingSeconds, stateOf } from "./store.js";

const LANES = 14;

export class Track {
  constructor() {
    this.scale = h("div", { class: "scale" });
    this.list = h("ol", { class: "track" });
    this.empty = h("p", { class: "empty" }, "No batch yet. The first lane opens when the sequencer posts one; transactions make it do so.");
    this.span = 2;
    this.element = h(
      "section",
      { "aria-labelledby": "track-title" },
      h("div", { class: "head" }, h("h2", { id: "track-title" }, "On the track"), h("p", { class: "note" }, "seconds since a batch was out")),
      h("div", { class: "axis", "aria-hidden": "true" }, h("span"), this.scale, h("span")),
      this.list,
      this.empty,
      legend(),
    );
  }

  /** Draw what the store holds, `now` by the observer's clock. */
  draw(store, now) {
    const rows = store.sorted().slice(-LANES).reverse();
    this.empty.hidden = rows.length > 0;
    this.rows = rows;
    this.span = spanOf(rows, now);
    drawAxis(this.scale, this.span);
    reconcile(this.list, rows, (row) => row.n, (row, old) => this.drawLane(row, old, now));
  }

  /** Move on the lanes that are still open. */
  tick(now) {
    if (!this.rows?.some((row) => !row.final)) return;
    const span = spanOf(this.rows, now);
    if (span !== this.span) this.list.querySelectorAll(".lane").forEach((lane) => delete lane.dataset.drawn);
    this.span = span;
    drawAxis(this.scale, span);
    reconcile(this.list, this.rows, (row) => row.n, (row, old) => this.drawLane(row, old, now));
  }

  drawLane(row, old, now) {
    const item = old ?? h("li", {}, newLane(row));
    const lane = item.firstChild;
    const stamp = `${this.span} ${lane.row === row}`;
    if (row.final && lane.dataset.drawn === stamp) return item;
    const state = stateOf(row);
    if (lane.dataset.state === "open" && row.proof) lane.classList.add("is-new");
    lane.dataset.state = state;
    lane.dataset.winner = row.proof?.payee ?? "";
    lane.setAttribute("aria-label", describe(row));
    drawRuns(lane.children[1], row, { span: this.span, now });
    if (lane.row !== row || !row.proof) drawResult(lane.children[2], row, now);
    lane.row = row;
    lane.dataset.drawn = `${this.span} true`;
    return item;
  }
}

function newLane(row) {
  const held = row.slots === null ? `${row.txs} tx` : `${row.txs}/${row.slots} tx`;
  return h(
    "a",
    { class: "lane", href: `#/batch/${row.n}`, "data-batch": row.n },
    h("div", { class: "lane-no" }, String(row.n), h("small", {}, held)),
    h("div", { class: "runs" }),
    h("div", { class: "result" }),
  );
}

function drawResult(box, row, now) {
  if (!row.proof) {
    const runners = runnersOf(row).length;
    const wait = now - (row.posted.seen ?? row.posted.time);
    const told = runners ? `${runners} proving` : "open to all";
    if (!box.firstChild || box.dataset.of !== "open") box.replaceChildren(h("span", {}), h("small", {}));
    box.dataset.of = "open";
    say(box.firstChild, told);
    say(box.lastChild, `${seconds(Math.max(0, wait))} on L1 · ${eth(row.reward)} ETH`);
    return;
  }
  box.dataset.of = "won";
  const margin = row.margin === null ? "" : row.margin < 0 ? ` · a rival was ${seconds(-row.margin)} sooner` : ` · ${seconds(row.margin)} ahead`;
  const gas = row.gas.proof ? ` · ${many(row.gas.proof.used)} gas` : "";
  box.replaceChildren(who(row.proof.payee, { link: false }), h("small", {}, `${seconds(provingSeconds(row))}${margin}${gas}`));
}

function legend() {
  const key = (kind, text) => h("span", {}, h("i", { class: `k-${kind}` }), text);
  return h(
    "p",
    { class: "legend", "aria-hidden": "true" },
    key("posted", "on L1"),
    key("accepted", "proof accepted"),
    key("final", "final"),
    key("run", "proving, as this machine’s provers report"),
    key("said", "says it is proving"),
    h("span", {}, "✕ stopped"),
  );
}

/** What to say aloud of batches just won. */
export function announcement(rows) {
  const last = rows.at(-1);
  const more = rows.length > 1 ? ` and ${rows.length - 1} more` : "";
  return last ? `Batch ${last.n} won by ${nameOf(last.proof.payee)}${more}.` : "";
}
