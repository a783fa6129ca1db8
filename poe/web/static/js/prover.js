// One prover's page: what it earned, and the batches it raced for.

import { h } from "./dom.js";
import { eth, percent, quantile, seconds } from "./format.js";
import { glyph, nameOf, placeOf } from "./identity.js";
import { Results } from "./results.js";

export class ProverPage {
  constructor(address) {
    this.address = address;
    this.title = nameOf(address);
    this.lede = h("p", { class: "lede" });
    this.facts = h("dl", { class: "facts" });
    this.results = new Results("Its races", "No batch in sight names it.");
    this.heading = h("h1", {});
    this.element = h("div", {}, h("nav", { class: "crumbs", "aria-label": "Where you are" }, h("a", { href: "#/" }, "← the race")), this.heading, h("p", { class: "mono soft" }, address), this.lede, h("section", { "aria-label": "Totals" }, this.facts), this.results.element);
    this.asked = -1;
  }

  draw(store) {
    this.title = nameOf(this.address);
    const mark = glyph(placeOf(this.address));
    mark.style.cssText += ";display:inline-block;width:20px;height:20px;margin-right:10px";
    this.heading.replaceChildren(mark, this.title);
    if (this.asked === store.version || this.isAsking) return;
    this.asked = store.version;
    this.load(store);
  }

  async load(store) {
    this.isAsking = true;
    try {
      const answer = await fetch(`/api/prover/${this.address}`);
      if (answer.ok) this.show(await answer.json(), store.parts.market.wins);
      else this.lede.textContent = "Neither L1 nor gossip told of this account lately.";
    } catch {
      this.lede.textContent = "The observer does not answer; what stands here is the last it said.";
    } finally {
      setTimeout(() => (this.isAsking = false), 900);
    }
  }

  show({ account, batches }, wins) {
    const runs = batches.flatMap((row) => row.runs.filter((run) => run.prover === this.address));
    const finished = runs.map((run) => run.seconds).filter((value) => value !== null).sort((a, b) => a - b);
    const share = wins ? percent(account.wins / wins) : "0 %";
    this.lede.textContent = account.wins ? `Won ${account.wins} final batches, ${share} of all.` : "Has won no final batch yet.";
    const facts = [
      ["Rewards", `${eth(account.rewards)} ETH`],
      ["Tips earned less paid", `${eth(account.tips)} ETH`],
      ["Gas of accepted proofs", `${eth(account.gas)} ETH, known of ${account.priced} in ${account.landed}`],
      ["Profit", `${eth(account.net)} ETH`],
      ["Proof, median", finished.length ? `${seconds(quantile(finished, 0.5))} of ${finished.length} reported` : "not reported"],
      ["Stopped or late", runs.length ? `${runs.filter((run) => run.outcome !== "won").length} of ${runs.length} reported` : "not reported"],
    ];
    this.facts.replaceChildren(...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
    this.results.draw([...batches].reverse());
  }
}
