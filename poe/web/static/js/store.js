// What the page knows: the observer's parts and rows, merged from a snapshot and the updates after it; bounded.

export const KEPT_ROWS = 600;

export class Store {
  constructor() {
    this.parts = {};
    this.rows = new Map();
    this.version = 0;
    this.heardAt = 0;
    this.ahead = 0;
  }

  /** Now, by the observer's clock: the browser's may be another machine's. */
  now() {
    return Date.now() / 1000 + this.ahead;
  }

  /** Take in a snapshot (`whole`) or an update; returns the numbers of batches that were won by it. */
  take(message, whole) {
    const { batches, removed, now, ...parts } = message;
    this.ahead = now - Date.now() / 1000;
    if (whole) this.rows.clear(), (this.parts = {});
    Object.assign(this.parts, parts);
    for (const number of removed) this.rows.delete(number);
    const won = [];
    for (const row of batches) {
      const before = this.rows.get(row.n);
      if (before && !before.proof && row.proof) won.push(row.n);
      this.rows.set(row.n, row);
    }
    for (const number of this.rows.keys()) {
      if (this.rows.size <= KEPT_ROWS) break;
      this.rows.delete(number);
    }
    this.version += 1;
    this.heardAt = Date.now() / 1000;
    return won;
  }

  /** Rows by number, lowest first. */
  sorted() {
    return [...this.rows.values()].sort((a, b) => a.n - b.n);
  }
}

/** When a step happened: as the observer saw it, or by L1's clock for history. */
export function timeOf(step) {
  return step.seen ?? step.time;
}

/** Seconds from posting to the accepted proof; both by the same clock: L1's, unless we saw one after the other. */
export function provingSeconds(row) {
  if (!row.proof) return null;
  const bothSeen = row.posted.seen !== null && row.proof.seen > row.posted.seen;
  return bothSeen ? row.proof.seen - row.posted.seen : row.proof.time - row.posted.time;
}

/** open, proven or final. */
export function stateOf(row) {
  return row.final ? "final" : row.proof ? "proven" : "open";
}
