// The race's page: figures, track, standings, charts, doors, results.

import { h } from "./dom.js";
import { BacklogChart, LatencyChart, ShareChart } from "./charts.js";
import { Doors } from "./doors.js";
import { Results } from "./results.js";
import { Figures, Standings } from "./standings.js";
import { Track } from "./track.js";

const RESULTS = 25;
const CHART_MILLISECONDS = 1000;

export class RacePage {
  title = "The race";

  constructor() {
    this.figures = new Figures();
    this.track = new Track();
    this.standings = new Standings();
    this.doors = new Doors();
    this.charts = [new ShareChart(), new LatencyChart(), new BacklogChart()];
    this.results = new Results("Results", "Results come with the first batch.");
    this.chartsAt = 0;
    this.element = h(
      "div",
      {},
      h("h1", { class: "unseen" }, "The race"),
      this.figures.element,
      h("div", { class: "split" }, this.track.element, h("div", {}, this.standings.element, ...this.doors.elements)),
      h("div", { class: "thirds" }, ...this.charts.map((chart) => chart.element)),
      this.results.element,
    );
  }

  draw(store, now) {
    this.figures.draw(store);
    this.track.draw(store, now);
    this.standings.draw(store);
    this.doors.draw(store);
    this.results.draw(store.sorted().slice(-RESULTS).reverse());
    if (performance.now() - this.chartsAt < CHART_MILLISECONDS && this.chartsAt) return;
    this.chartsAt = performance.now();
    for (const chart of this.charts) chart.draw(store, now);
  }

  tick(now) {
    this.track.tick(now);
  }
}
