// node tests/run_open.mjs FOLDER: what the page that opens files makes of them, by the modules in that folder. A list of
// [model file, table file, task or null] as JSON on stdin; on stdout for each {data} or {error}.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { argv, stdin, stdout } from "node:process";
import { text } from "node:stream/consumers";
import { pathToFileURL } from "node:url";

const load = (name) => import(pathToFileURL(resolve(argv[2], "open", name)).href);
const [{ guess, parseTable, sequencesOf }, { pageData }, { modelOf }, { FileError, parse }] = await Promise.all(
  ["csv.js", "data.js", "model.js", "safetensors.js"].map(load),
);

function opened([file, csv, task]) {
  const raw = readFileSync(file), buffer = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength);
  try {
    const model = modelOf(parse(buffer)), table = parseTable(readFileSync(csv, "utf-8")), choice = guess(table, model);
    return { data: pageData(model, sequencesOf(table, choice), choice.features, task ?? model.task), choice };
  } catch (problem) {
    if (!(problem instanceof FileError)) throw problem;
    return { error: problem.message };
  }
}

stdout.write(JSON.stringify(JSON.parse(await text(stdin)).map(opened)));
