// Listens to the observer's events; comes back by itself after any silence, from where it was if that is still known.

const SILENCE_SECONDS = 12;
const LONGEST_WAIT_SECONDS = 8;

/** Calls `onMessage(message, whole)` for each event and `onState("live" | "connecting" | "lost")` when that changes. */
export function listen({ onMessage, onState }) {
  let source = null;
  let heardAt = Date.now();
  let waitSeconds = 0.5;
  let timer = 0;

  function open() {
    source?.close();
    source = new EventSource("/api/events");
    heardAt = Date.now();
    source.addEventListener("snapshot", (event) => hear(event, true));
    source.addEventListener("update", (event) => hear(event, false));
    source.addEventListener("heartbeat", () => alive());
    source.onerror = () => {
      onState("lost");
      if (source.readyState === EventSource.CLOSED) again(); // refused: the browser would not try again
    };
  }

  function hear(event, whole) {
    alive();
    onMessage(JSON.parse(event.data), whole);
  }

  function alive() {
    heardAt = Date.now();
    waitSeconds = 0.5;
    onState("live");
  }

  function again() {
    clearTimeout(timer);
    timer = setTimeout(open, waitSeconds * 1000);
    waitSeconds = Math.min(LONGEST_WAIT_SECONDS, 2 * waitSeconds);
  }

  setInterval(() => {
    if (Date.now() - heardAt > SILENCE_SECONDS * 1000) onState("lost"), open();
  }, 2000);
  addEventListener("pagehide", () => source?.close());
  onState("connecting");
  open();
}
