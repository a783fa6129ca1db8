// The page's one loop: hear events, keep the store, draw the page that the address names, at a pace people can read.

import { BatchPage } from "./batch.js";
import { h, say } from "./dom.js";
import { listen } from "./feed.js";
import { clock, short } from "./format.js";
import { placeOf, setNames } from "./identity.js";
import { ProverPage } from "./prover.js";
import { RacePage } from "./race.js";
import { Store } from "./store.js";
import { announcement } from "./track.js";

const DRAW_MILLISECONDS = 200;
const TICK_MILLISECONDS = 100;
const ANNOUNCE_SECONDS = 5;
const STATES = { live: "live", connecting: "connecting", lost: "reconnecting" };

const $ = (id) => document.getElementById(id);
const store = new Store();
const view = { page: null, isDirty: false, drawnAt: 0, tickedAt: 0, announcedAt: 0, state: "connecting", won: [] };

function hear(message, whole) {
  const won = store.take(message, whole);
  setNames(store.parts.names);
  for (const account of store.parts.accounts) placeOf(account.address);
  view.won.push(...won);
  view.isDirty = true;
}

function route() {
  const [, kind, what] = location.hash.split("/");
  if (kind === "batch" && /^[1-9][0-9]{0,15}$/.test(what)) view.page = new BatchPage(Number(what));
  else if (kind === "prover" && /^0x[0-9a-f]{40}$/.test(what)) view.page = new ProverPage(what);
  else view.page = new RacePage();
  if (store.version) $("main").replaceChildren(view.page.element);
  view.isDirty = true;
  scrollTo(0, 0);
}

function loop(at) {
  requestAnimationFrame(loop);
  if (!store.version) return;
  const now = store.now();
  if (view.isDirty && at - view.drawnAt >= DRAW_MILLISECONDS) {
    view.isDirty = false;
    view.drawnAt = view.tickedAt = at;
    draw(now);
  } else if (at - view.tickedAt >= TICK_MILLISECONDS) {
    view.tickedAt = at;
    if (view.state === "live") view.page.tick?.(now);
  }
}

function draw(now) {
  const { chain, ended, alarm } = store.parts;
  say($("where"), `chain ${chain.id} · arbiter ${short(chain.arbiter)} · ${chain.shape.replace("x", " slots, depth ")}`);
  if (!$("main").contains(view.page.element)) $("main").replaceChildren(view.page.element);
  view.page.draw(store, now);
  document.title = `${view.page.title} · poe`;
  showBanner(ended, alarm);
  announce(now);
}

function showBanner(ended, alarm) {
  const l1 = store.parts.doors?.l1;
  const lines = [];
  if (alarm) lines.push(`An alarm was raised: a second valid proof of batch ${alarm.batch} leads elsewhere. That batch and all after it are cancelled.`);
  if (ended) lines.push(`The rollup has ended: exit mode was entered in block ${ended.block}. Batch ${ended.batch} is the last that counts; everybody can leave with what they own.`);
  if (view.state === "lost") lines.push(`The observer does not answer since ${clock(store.heardAt)}. This page tries again by itself; below is the last it said.`);
  else if (l1 && l1.silent > 10) lines.push(`L1’s endpoint has been silent for ${l1.silent} s. The race goes on there; it shows here when the endpoint answers.`);
  const banner = $("banner");
  banner.hidden = lines.length === 0;
  banner.dataset.kind = ended || alarm ? "end" : "wait";
  say(banner, lines.join(" "));
}

function announce(now) {
  say($("as-of"), `as of ${clock(store.heardAt)}`);
  if (!view.won.length || now - view.announcedAt < ANNOUNCE_SECONDS) return;
  view.announcedAt = now;
  say($("announcer"), announcement(view.won.map((number) => store.rows.get(number)).filter((row) => row?.proof)));
  view.won = [];
}

function setState(state) {
  if (state === view.state) return;
  view.state = state;
  const chip = $("link-state");
  chip.dataset.state = state;
  say(chip, STATES[state]);
  if (state === "lost" && !store.version) $("main").replaceChildren(h("p", { class: "empty" }, "The observer does not answer yet. This page tries again by itself."));
  view.isDirty = true;
}

addEventListener("hashchange", () => {
  route();
  $("main").focus({ preventScroll: true });
});
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && location.hash.length > 2) location.hash = "#/";
  else view.page?.key?.(event);
});
route();
listen({ onMessage: hear, onState: setState });
requestAnimationFrame(loop);
