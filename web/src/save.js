// A plot as SVG, PNG or CSV, as the browser shows it.

const KEPT = ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity",
  "font-family", "font-size", "font-weight", "font-variant-numeric", "text-anchor", "paint-order", "color", "image-rendering"];

/** The SVG with the page's styles written into it, on the page's paper. @param {SVGSVGElement} shown */
export function standalone(shown) {
  const copy = /** @type {SVGSVGElement} */ (shown.cloneNode(true));
  const from = [shown, ...shown.querySelectorAll("*")], to = [copy, ...copy.querySelectorAll("*")];
  from.forEach((node, i) => {
    if (node.tagName === "style") return;
    const look = getComputedStyle(node), style = /** @type {SVGElement} */ (to[i]).style;
    for (const name of KEPT) {
      const value = look.getPropertyValue(name);
      if (value) style.setProperty(name, value);
    }
  });
  copy.querySelectorAll("style").forEach((node) => node.remove());
  const [x, y, width, height] = shown.getAttribute("viewBox").split(/[\s,]+/);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const paper = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [key, value] of Object.entries({ x, y, width, height, fill: paperColour() })) paper.setAttribute(key, value);
  copy.insertBefore(paper, copy.firstChild);
  const title = document.createElementNS("http://www.w3.org/2000/svg", "title");
  title.textContent = shown.getAttribute("aria-label") || "";
  copy.insertBefore(title, copy.firstChild);
  return new XMLSerializer().serializeToString(copy);
}

const paperColour = () => getComputedStyle(document.documentElement).getPropertyValue("--card").trim();

/** Twice as fine as the screen. @param {SVGSVGElement} shown @returns {Promise<Blob>} */
export async function picture(shown) {
  const [, , width, height] = shown.getAttribute("viewBox").split(/[\s,]+/).map(Number), image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(standalone(shown))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * width;
  canvas.height = 2 * height;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/** Rows as text for a spreadsheet. @param {any[][]} rows */
export const csv = (rows) => `${rows.map((row) => row.map(cell).join(",")).join("\n")}\n`;

function cell(v) {
  const text = String(v);
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** @param {Blob} blob @param {string} name */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** What a file may be called. @param {string} text */
export const fileName = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "").slice(0, 60) || "plot";
