// Bundles the pages' scripts into the Python package: `node build.mjs`. With --check it only says which are not fresh,
// with --at FOLDER of bundles that lie there.

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const inside = "../src/gruvy/inside/explorer";
const ENTRIES = {
  explorer: `${inside}/explorer.bundle.js`,
  playground: `${inside}/playground.bundle.js`,
  open: `${inside}/open.bundle.js`,
  lab: "../src/gruvy/lab/lab.bundle.js",
};

/** The licences of the packages in a bundle, each text once above those it is of. */
function notice(inputs) {
  const folders = new Set(Object.keys(inputs).map((path) => path.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1]).filter(Boolean));
  const texts = new Map();
  for (const folder of [...folders].sort()) {
    const about = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
    const file = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE"].find((name) => existsSync(join(here, folder, name)));
    if (!file) throw new Error(`${about.name}: no licence beside it`);
    const text = readFileSync(join(here, folder, file), "utf8").replace(/\*\//g, "* /").trim();
    const owner = text.match(/^.*copyright.*\d.*$/im)?.[0].trim() || "";
    const rest = text.replace(owner, "").replace(/\s+/g, " ").trim();
    const of = texts.get(rest) || [];
    texts.set(rest, [...of, `${about.name} ${about.version}, ${owner}`]);
  }
  const said = [...texts].map(([text, names]) => `${names.join("\n")}\n${text}`);
  return said.length ? `/*! Holds, each under its licence:\n${said.join("\n\n")}\n*/\n` : "";
}

async function bundle(name) {
  const found = await build({
    absWorkingDir: here, entryPoints: [`src/${name}.js`], bundle: true, format: "iife", minify: true, target: ["es2022"],
    charset: "utf8", legalComments: "inline", write: false, metafile: true,
    define: { "process.env.NODE_ENV": '"production"' },
  });
  const [made] = Object.values(found.metafile.outputs), held = Object.entries(made.inputs).filter(([, part]) => part.bytesInOutput > 0);
  return notice(Object.fromEntries(held)) + found.outputFiles[0].text;
}

let stale = 0;
const elsewhere = process.argv.includes("--at") ? process.argv[process.argv.indexOf("--at") + 1] : null;
for (const [name, path] of Object.entries(ENTRIES)) {
  if (!existsSync(join(here, "src", `${name}.js`))) continue;
  const text = await bundle(name), file = elsewhere ? join(elsewhere, basename(path)) : join(here, path);
  if (!process.argv.includes("--check")) {
    writeFileSync(file, text);
    console.log(`${name}: ${(Buffer.byteLength(text) / 1e3).toFixed(0)} kB`);
  } else if (!existsSync(file) || readFileSync(file, "utf8") !== text) {
    console.error(`${name}.bundle.js is not what its sources make: make page`);
    stale = 1;
  }
}
process.exitCode = stale;
