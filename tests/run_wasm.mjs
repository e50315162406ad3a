// node tests/run_wasm.mjs FILE: a program compiled to WebAssembly, with this one's input and output.
import { WASI } from "node:wasi"; import { readFile } from "node:fs/promises"; import { argv } from "node:process";
const wasi = new WASI({ version: "preview1", args: [argv[2]], returnOnExit: true });
const { instance } = await WebAssembly.instantiate(await readFile(argv[2]), wasi.getImportObject());
process.exitCode = wasi.start(instance);
