// Results: batches as a plain table, on the race's page and on a prover's.

import { h, reconcile } from "./dom.js";
import { eth, lead, many, seconds } from "./format.js";
import { nameOf, who } from "./identity.js";
import { provingSeconds, stateOf } from "./store.js";

const WORDS = { open: "open", proven: "proven", final: "final" };

export class Results {
  constructor(title, emptyText) {
    this.body = h("tbody");
    this.empty = h("p", { class: "empty" }, emptyText);
    const heads = [["Batch", ""], ["State", ""], ["Txs", "num"], ["Winner", ""], ["Proven in", "num"], ["Lead", "num"], ["Reward", "num"], ["Gas", "num wide"], ["L1 block", "num wide"]];
    this.table = h(
      "table",
      {},
      h("caption", { class: "unseen" }, title),
      h("thead", {}, h("tr", {}, ...heads.map(([text, kind]) => h("th", { class: kind, scope: "col" }, text)))),
      this.body,
    );
    this.element = h("section", { "aria-label": title }, h("div", { class: "head" }, h("h2", {}, title)), h("div", { class: "scroll" }, this.table), this.empty);
  }

  /** Draw rows, newest first. */
  draw(rows) {
    this.empty.hidden = rows.length > 0;
    this.table.hidden = rows.length === 0;
    reconcile(this.body, rows, (row) => row.n, (row, old) => {
      const name = row.proof ? nameOf(row.proof.payee) : "";
      if (old?.row === row && old.name === name) return old;
      const drawn = drawRow(row);
      drawn.row = row;
      drawn.name = name;
      return drawn;
    });
  }
}

function drawRow(row) {
  const cell = (text, kind = "num") => h("td", { class: kind }, text);
  return h(
    "tr",
    {},
    h("td", {}, h("a", { href: `#/batch/${row.n}` }, String(row.n))),
    cell(WORDS[stateOf(row)], "soft"),
    cell(String(row.txs)),
    h("td", {}, row.proof ? who(row.proof.payee) : h("span", { class: "soft" }, "–")),
    cell(seconds(provingSeconds(row))),
    cell(row.margin === null ? "–" : lead(row.margin)),
    cell(eth(row.reward)),
    cell(row.gas.proof ? many(row.gas.proof.used) : "–", "num wide"),
    cell(row.proof ? String(row.proof.block) : "–", "num wide"),
  );
}
