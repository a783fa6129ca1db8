// Health of the two doors everything comes through: L1's endpoint and the peer-to-peer network.

import { h } from "./dom.js";
import { seconds } from "./format.js";

export class Doors {
  constructor() {
    this.l1 = h("dl", { class: "facts" });
    this.p2p = h("dl", { class: "facts" });
    this.elements = [
      h("section", { "aria-labelledby": "l1-title" }, h("div", { class: "head" }, h("h2", { id: "l1-title" }, "L1")), this.l1),
      h("section", { "aria-labelledby": "p2p-title" }, h("div", { class: "head" }, h("h2", { id: "p2p-title" }, "Peers")), this.p2p),
    ];
  }

  draw(store) {
    const { l1, p2p } = store.parts.doors ?? {};
    fill(this.l1, l1 ? l1Facts(l1, store.parts.chain) : []);
    fill(this.p2p, p2p ? p2pFacts(p2p) : [["State", verdict("off", "gossip is off: all is from L1")]]);
  }
}

function l1Facts(l1, chain) {
  const behind = l1.head - l1.followed;
  const state = l1.silent > 10 ? ["bad", `silent for ${l1.silent} s`] : behind > 2 ? ["warn", `${behind} blocks behind`] : ["ok", "following its head"];
  return [
    ["State", verdict(...state)],
    ["Block", `${l1.followed}`],
    ["Endpoint", l1.endpoint],
    ["New block", l1.head_age < 2 ? "just now" : `${seconds(l1.head_age)} ago`],
    ["Reorgs", l1.reorgs ? `${l1.reorgs}, the deepest ${l1.deepest_reorg} blocks` : "none"],
    ["Failed calls", String(l1.errors)],
    ["Arbiter", h("span", { class: "mono" }, chain.arbiter)],
  ];
}

function p2pFacts(p2p) {
  const state = p2p.peers === 0 ? ["bad", "nobody is connected"] : p2p.mesh_peers === 0 ? ["warn", "connected, outside the mesh"] : ["ok", "in the mesh"];
  return [
    ["State", verdict(...state)],
    ["Peers", `${p2p.peers}, ${p2p.mesh_peers} in the mesh`],
    ["Messages taken", String(p2p.accepted)],
    ["Old or early", String(p2p.ignored)],
    ["Rejected", String(p2p.rejected + p2p.bad_frames)],
    ["Equivocations", String(p2p.equivocations ?? 0)],
    ["Dropped unread", String(p2p.dropped ?? 0)],
  ];
}

function verdict(state, text) {
  return h("span", { class: "verdict", "data-state": state }, text);
}

function fill(list, facts) {
  const stamp = JSON.stringify(facts.map(([name, value]) => [name, value.textContent ?? value, value.dataset?.state]));
  if (list.dataset.stamp === stamp) return;
  list.dataset.stamp = stamp;
  list.replaceChildren(...facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
}
