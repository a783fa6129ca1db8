// Standings: who earned what, by L1's events; and the key figures above everything.

import { h, reconcile } from "./dom.js";
import { eth, percent, quantile, seconds } from "./format.js";
import { colourOf, nameOf, placeOf, who } from "./identity.js";
import { provingSeconds } from "./store.js";

const SHOWN = 12;

export class Standings {
  constructor() {
    this.body = h("tbody");
    this.note = h("p", { class: "note" });
    this.empty = h("p", { class: "empty" }, "Nobody has won yet. A payee appears here when its first proof is accepted.");
    const heads = [["Prover", ""], ["Wins", "num"], ["Share", ""], ["Rewards", "num"], ["Gas", "num wide"], ["Profit", "num"]];
    this.table = h(
      "table",
      {},
      h("caption", { class: "unseen" }, "Rewards, gas and profit by payee, in ETH"),
      h("thead", {}, h("tr", {}, ...heads.map(([text, kind]) => h("th", { class: kind, scope: "col" }, text)))),
      this.body,
    );
    this.element = h(
      "section",
      { "aria-labelledby": "standings-title" },
      h("div", { class: "head" }, h("h2", { id: "standings-title" }, "Standings"), this.note),
      h("div", { class: "scroll" }, this.table),
      this.empty,
      h("p", { class: "note" }, "In ETH. Profit is rewards and tips less the gas of accepted proofs; what late proofs cost is not on L1’s record."),
    );
  }

  draw(store) {
    const accounts = store.parts.accounts.slice(0, SHOWN);
    const total = store.parts.market.wins;
    this.table.hidden = accounts.length === 0;
    this.empty.hidden = accounts.length > 0;
    this.note.textContent = store.parts.market.payees > SHOWN ? `the first ${SHOWN} of ${store.parts.market.payees}` : "";
    reconcile(this.body, accounts, (account) => account.address, (account, old) => {
      const stamp = JSON.stringify([account, total, nameOf(account.address)]);
      if (old?.dataset.stamp === stamp) return old;
      const row = drawAccount(account, total);
      row.dataset.stamp = stamp;
      return row;
    });
  }
}

function drawAccount(account, total) {
  const share = total ? account.wins / total : 0;
  const colour = colourOf(placeOf(account.address));
  const missing = account.landed - account.priced;
  const profit = BigInt(account.net);
  return h(
    "tr",
    {},
    h("td", {}, who(account.address)),
    h("td", { class: "num" }, String(account.wins)),
    h(
      "td",
      {},
      h("span", { class: "share" }, h("span", { class: "share-bar" }, h("span", { style: { width: `${100 * share}%`, background: colour } })), h("span", { class: "num" }, percent(share))),
    ),
    h("td", { class: "num" }, eth(account.rewards)),
    h("td", { class: "num wide", title: missing ? `gas of ${missing} landings is not known` : "" }, (missing ? "≥ " : "") + eth(account.gas)),
    h("td", { class: `num ${profit < 0n ? "minus" : "plus"}` }, (profit > 0n ? "+" : "") + eth(account.net)),
  );
}

export class Figures {
  constructor() {
    this.element = h("dl", { class: "figures" });
  }

  draw(store) {
    const { heights, market, queue } = store.parts;
    const rows = store.sorted();
    const open = rows.filter((row) => !row.proof).length;
    const times = rows.map(provingSeconds).filter((value) => value !== null).sort((a, b) => a - b);
    const leads = rows.map((row) => row.margin).filter((value) => value !== null && value >= 0).sort((a, b) => a - b);
    const entries = [
      ["Final", String(heights.final), `of ${heights.sequenced} posted`],
      ["Open", String(open), queue ? `+ ${queue} queued on L1` : ""],
      ["Posted → proven", seconds(quantile(times, 0.5)), times.length ? `p95 ${seconds(quantile(times, 0.95))}` : ""],
      ["Winner’s lead", seconds(quantile(leads, 0.5)), leads.length ? `median of ${leads.length}` : "no rival’s time known"],
      ["Paid out", eth(market.rewards), "ETH"],
      ["Concentration", market.hhi ? market.hhi.toFixed(2) : "–", market.hhi ? `HHI · like ${(1 / market.hhi).toFixed(1)} equals` : "HHI"],
    ];
    reconcile(this.element, entries, ([name]) => name, ([name, value, small], old) => {
      const entry = old ?? h("div", {}, h("dt", {}, name), h("dd", {}));
      if (entry.dataset.stamp !== value + small) {
        entry.dataset.stamp = value + small;
        entry.lastChild.replaceChildren(value, h("small", {}, small));
      }
      return entry;
    });
  }
}
