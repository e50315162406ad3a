// The explorer on files that the reader drops.

import { begin } from "./open/page.js";

begin(document.currentScript.textContent);
