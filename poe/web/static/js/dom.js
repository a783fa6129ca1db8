// Elements by function call. Text only ever becomes a text node: nothing that L1 or a peer says is read as markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with properties, `data-`/`aria-` attributes and children (nodes, text, or nothing). */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "style") for (const [rule, of] of Object.entries(value)) element.style.setProperty(rule, of);
    else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Replace text only when it differs: an untouched node costs no layout and keeps a reader's place. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Make `parent` hold exactly one element a key, in order, reusing those it has; `draw(item, old)` returns the element. */
export function reconcile(parent, items, keyOf, draw) {
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    const before = old.get(key);
    const element = draw(item, before);
    element.dataset.key = key;
    if (before && before !== element) {
      if (at === before) at = element;
      before.replaceWith(element);
    } else if (element !== at) parent.insertBefore(element, at);
    if (element === at) at = at.nextElementSibling;
    old.delete(key);
  }
  for (const element of old.values()) element.remove();
}
