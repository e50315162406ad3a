// How wide a host is.

/** @type {WeakMap<Element, number>} */
let widths = new WeakMap();
/** The page's width changed. */
export function forgetWidths() { widths = new WeakMap(); }
/** @type {ResizeObserver | null} made when it is first needed: a worker, which runs the same script, has none */
let watch = null;

/** A host's width, remembered: to ask for it while something is drawn would lay the page out anew. @param {HTMLElement} host */
export function widthOf(host) {
  if (!widths.get(host)) {
    widths.set(host, host.clientWidth);
    watch ||= new ResizeObserver((entries) => { for (const e of entries) widths.set(e.target, e.contentRect.width); });
    watch.observe(host);
  }
  return widths.get(host) || 640;
}
