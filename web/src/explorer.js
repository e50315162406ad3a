// The explorer: the page on which one looks inside a trained net. The same script is its worker's.

import { start } from "./explorer/start.js";
import { serve } from "./explorer/worker.js";

if (typeof document === "undefined") serve();
else start(document.currentScript.textContent);
