// The explorer on files that the reader drops. The same script is its worker's.

import { serve } from "./explorer/worker.js";
import { begin } from "./open/page.js";

if (typeof document === "undefined") serve();
else begin(document.currentScript.textContent);
