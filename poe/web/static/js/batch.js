// One batch's page: its race as a timeline, its transactions, what the proof is about, the proof, gas.

import { h } from "./dom.js";
import { clock, eth, many, seconds, short } from "./format.js";
import { nameOf, who } from "./identity.js";
import { drawAxis, drawRuns, runnersOf, spanOf } from "./lanes.js";
import { provingSeconds, stateOf, timeOf } from "./store.js";

export class BatchPage {
  constructor(number) {
    this.number = number;
    this.title = `Batch ${number}`;
    this.lede = h("p", { class: "lede" }, "Asking the observer.");
    this.scale = h("div", { class: "scale" });
    this.runs = h("div", { class: "runs" });
    this.lane = h("div", { class: "big-lane", hidden: true }, h("div", { class: "axis", "aria-hidden": "true" }, this.scale), this.runs);
    this.rest = h("div", {});
    this.next = h("a", { href: `#/batch/${number + 1}` }, "next →");
    const crumbs = [h("a", { href: "#/" }, "← the race"), number > 1 ? h("a", { href: `#/batch/${number - 1}` }, `← batch ${number - 1}`) : null, this.next];
    this.element = h("div", {}, h("nav", { class: "crumbs", "aria-label": "Where you are" }, crumbs), h("h1", {}, this.title), this.lede, this.lane, this.rest);
  }

  draw(store, now) {
    const row = store.rows.get(this.number) ?? this.row;
    this.next.hidden = this.number >= store.parts.heights.sequenced;
    if (row) this.drawRace(row, now);
    const stamp = `${row ? stateOf(row) : "none"} ${row?.gas.proof ? 1 : 0} ${store.parts.heights.sequenced >= this.number}`;
    if (stamp === this.stamp || this.isAsking) return;
    this.load(stamp);
  }

  tick(now) {
    if (this.row && !this.row.final) this.drawRace(this.row, now);
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step && this.number + step > 0 && !(step > 0 && this.next.hidden)) location.hash = `#/batch/${this.number + step}`;
  }

  async load(stamp) {
    this.isAsking = true;
    try {
      const answer = await fetch(`/api/batch/${this.number}`);
      if (answer.ok) this.show(await answer.json());
      else this.lede.textContent = answer.status === 404 ? "L1 has not ordered this batch, or it is long final and no longer kept." : "The observer could not say.";
      this.stamp = stamp;
    } catch {
      this.lede.textContent = "The observer does not answer; this page fills itself when it does.";
    } finally {
      setTimeout(() => (this.isAsking = false), 700);
    }
  }

  drawRace(row, now) {
    this.row = row;
    const span = spanOf([row], now);
    this.lane.hidden = false;
    drawAxis(this.scale, span);
    drawRuns(this.runs, row, { span, now, pitch: 20, most: 24, named: true });
    this.lede.textContent = sentence(row);
  }

  show(found) {
    const parts = [facts(found), slots(found.posting), proof(found)].map((part) => part ?? "");
    this.rest.replaceChildren(h("div", { class: "split" }, h("div", {}, parts[1], parts[2]), h("div", {}, parts[0])));
  }
}

function sentence(row) {
  const rivals = Math.max(0, runnersOf(row).length - 1);
  if (!row.proof) return rivals ? `${rivals + 1} provers are on it; no proof is accepted yet.` : "No proof is accepted yet.";
  const ahead = row.margin === null ? "" : row.margin >= 0 ? `, ${seconds(row.margin)} before the next finished proof` : `, though a rival’s proof was finished ${seconds(-row.margin)} earlier`;
  const field = rivals ? ` in a field of ${rivals + 1}` : "";
  return `${nameOf(row.proof.payee)} won${field}${ahead}. The proof was accepted ${seconds(provingSeconds(row))} after the posting.`;
}

function facts({ row, posting, accepted }) {
  const gas = (of) => (of ? `${many(of.used)} gas, ${eth(of.wei)} ETH${of.together > 1 ? `, one of ${of.together} together` : ""}` : "not known");
  const step = (of) => h("span", {}, `${clock(timeOf(of))} · block ${of.block} `, h("span", { class: "mono soft", title: of.tx }, short(of.tx)));
  const winning = accepted.find((proof) => proof.tx === row.proof?.tx && proof.payee === (row.proof.first ?? row.proof.payee));
  const entries = [
    ["Reward", `${eth(row.reward)} ETH`],
    row.heard ? ["Heard by gossip", `${clock(row.heard)} · ${seconds(timeOf(row.posted) - row.heard)} before L1`] : null,
    ["Posted", step(row.posted)],
    row.proof ? ["Proof accepted", step(row.proof)] : null,
    row.final ? ["Final", step(row.final)] : null,
    ["Gas of posting", gas(row.gas.post)],
    ["Gas of the proof", gas(row.gas.proof)],
    row.proof?.submitter && row.proof.submitter !== row.proof.payee ? ["Landed by", who(row.proof.submitter)] : null,
    row.proof?.first && row.proof.first !== row.proof.payee ? ["First accepted", h("span", {}, who(row.proof.first), h("span", { class: "soft" }, " the award went elsewhere"))] : null,
    row.proof?.tip && row.proof.tip !== "0" ? ["Tip", `${eth(row.proof.tip)} ETH`] : null,
    posting ? ["Batch hash", mono(posting.hash)] : null,
    posting ? ["Parent hash", mono(posting.parent)] : null,
    winning ? ["Old root", mono(winning.old_root)] : null,
    winning ? ["New root", mono(winning.new_root)] : null,
    posting ? ["Queue drained to", String(posting.queue_end)] : null,
    posting ? ["Fee account", String(posting.fee_account)] : null,
    accepted.length > 1 ? ["Proofs on other roots", String(accepted.length - 1)] : null,
  ];
  const list = entries.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
  return h("section", { "aria-label": "Statement" }, h("div", { class: "head" }, h("h2", {}, "What happened")), h("dl", { class: "facts" }, list));
}

function mono(text) {
  return h("span", { class: "mono" }, text);
}

function slots(posting) {
  if (!posting) return h("section", {}, h("h2", {}, "Transactions"), h("p", { class: "empty" }, "The batch is long final; its data is on L1."));
  const rows = posting.slots.map((slot, i) => [slot, i]).filter(([slot]) => slot.kind !== "empty");
  const empty = posting.slots.length - rows.length;
  const note = `${rows.length} of ${posting.slots.length} slots, amounts in gwei` + (posting.deposits + posting.forced ? `; ${posting.deposits} deposits and ${posting.forced} forced exits by L1’s queue` : "");
  const heads = [["Slot", "num"], ["Kind", ""], ["From", "num"], ["To", "num"], ["Amount", "num"], ["Fee", "num"], ["Nonce", "num wide"]];
  const cells = ([slot, i]) => {
    const isPaidIn = slot.kind === "deposit";
    const values = [i, slot.kind, isPaidIn ? "L1" : slot.from, slot.kind === "exit" ? "L1" : slot.to, BigInt(slot.amount).toLocaleString("en"), slot.fee, slot.nonce];
    return h("tr", {}, ...values.map((value, k) => h("td", { class: heads[k][1] }, String(value))));
  };
  return h(
    "section",
    { "aria-label": "Transactions" },
    h("div", { class: "head" }, h("h2", {}, "Transactions"), h("p", { class: "note" }, note)),
    h("div", { class: "scroll" }, h("table", {}, h("caption", { class: "unseen" }, "The batch’s slots as posted"), h("thead", {}, h("tr", {}, ...heads.map(([text, kind]) => h("th", { class: kind, scope: "col" }, text)))), h("tbody", {}, rows.map(cells)))),
    empty ? h("p", { class: "note" }, `${empty} empty`) : null,
  );
}

function proof({ row, proof: words }) {
  if (!row.proof) return null;
  const names = ["A.x", "A.y", "B.x₁", "B.x₀", "B.y₁", "B.y₀", "C.x", "C.y"];
  const lines = words
    ? [["commitment", words.commitment], ...words.words.map((word, i) => [names[i] ?? `word ${i}`, word])]
    : [];
  return h(
    "section",
    { "aria-label": "Proof" },
    h("div", { class: "head" }, h("h2", {}, "Proof"), h("p", { class: "note" }, "Groth16 over BN254, as it stands in the transaction that landed it")),
    words ? h("dl", { class: "words" }, lines.flatMap(([name, word]) => [h("dt", { class: "soft" }, name), h("dd", {}, mono(word))])) : h("p", { class: "empty" }, "It cannot be read from that transaction now."),
  );
}
