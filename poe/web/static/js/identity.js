// Who is who: a shape, a colour, a hatch and a name for each prover. The shape alone tells them apart.

import { h, s } from "./dom.js";
import { short } from "./format.js";

const SHAPES = [
  "M6.5 1a5.5 5.5 0 1 1 0 11a5.5 5.5 0 1 1 0-11z",
  "M1.5 1.5h10v10h-10z",
  "M6.5 1l5.8 10.8H.7z",
  "M6.5.5l6 6-6 6-6-6z",
  "M4.7 1h3.6v3.7H12v3.6H8.3V12H4.7V8.3H1V4.7h3.7z",
  "M6.5.6l1.8 4 4.3.4-3.3 2.9 1 4.3-3.8-2.3-3.8 2.3 1-4.3L.4 5l4.3-.4z",
  "M3.5 1.3h6l3 5.2-3 5.2h-6l-3-5.2z",
  "M.7 1.2h11.6L6.5 12z",
];
const RING = "M6.5 1.8a4.7 4.7 0 1 1 0 9.4a4.7 4.7 0 1 1 0-9.4z";
export const REST = SHAPES.length;

const places = new Map();
let names = {};

/** Names that this observer's operator gave. */
export function setNames(given) {
  names = given ?? {};
}

/** The prover's place among shapes and colours; the first eight seen have one of their own. */
export function placeOf(address) {
  if (!places.has(address) && places.size < SHAPES.length) places.set(address, places.size);
  return places.get(address) ?? REST;
}

/** A name, or the address cut short. */
export function nameOf(address) {
  return names[address] ?? short(address);
}

/** The colour as a CSS value that follows the theme. */
export function colourOf(place) {
  return `var(--p${place})`;
}

/** The same, resolved for a canvas. */
export function inkOf(place) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--p${place}`).trim();
}

/** The shape as an SVG element. */
export function glyph(place, className = "glyph") {
  const isRest = place === REST;
  return s(
    "svg",
    { class: className, viewBox: "0 0 13 13", "aria-hidden": "true", style: { color: colourOf(place) } },
    s("path", {
      d: isRest ? RING : SHAPES[place],
      fill: isRest ? "none" : "currentColor",
      stroke: isRest ? "currentColor" : "none",
      "stroke-width": "1.6",
    }),
  );
}

/** Shape and name, linked to the prover's page. */
export function who(address, { link = true } = {}) {
  const inside = [glyph(placeOf(address)), h("span", { class: "who-name" }, nameOf(address))];
  return link ? h("a", { class: "who", href: `#/prover/${address}`, title: address }, inside) : h("span", { class: "who", title: address }, inside);
}

/** A fill for a chart: each place has its own hatch, so that areas differ without colour. */
export function hatch(context, place) {
  const ink = inkOf(place);
  const tile = document.createElement("canvas");
  const size = (tile.width = tile.height = 12);
  const pen = tile.getContext("2d");
  pen.globalAlpha = 0.3;
  pen.fillStyle = ink;
  pen.fillRect(0, 0, size, size);
  pen.globalAlpha = 0.85;
  pen.strokeStyle = pen.fillStyle = ink;
  pen.lineWidth = 1.6;
  drawHatch(pen, place, size);
  return context.createPattern(tile, "repeat");
}

function drawHatch(pen, place, size) {
  const line = (x1, y1, x2, y2) => (pen.beginPath(), pen.moveTo(x1, y1), pen.lineTo(x2, y2), pen.stroke());
  const dot = (x, y) => (pen.beginPath(), pen.arc(x, y, 1.5, 0, 7), pen.fill());
  if (place === 1) for (const d of [-size, 0, size]) line(d, size, d + size, 0);
  if (place === 2) for (const [x, y] of [[3, 3], [9, 9]]) dot(x, y);
  if (place === 3) for (const d of [-size, 0, size]) line(d, 0, d + size, size);
  if (place === 4) for (const y of [3, 9]) line(0, y, size, y);
  if (place === 5) for (const x of [3, 9]) line(x, 0, x, size);
  if (place === 6) line(0, 6, size, 6), line(6, 0, 6, size);
  if (place === 7) for (const [x, y] of [[3, 3], [9, 3], [3, 9], [9, 9]]) dot(x, y);
}
