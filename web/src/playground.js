// The playground's page; the same script is that of its workers, which have no document.

import { Playground } from "./playground/page.js";
import { serve } from "./playground/pool.js";

if (typeof document === "undefined") serve(globalThis);
else Object.assign(globalThis, { playground: new Playground(/** @type {HTMLScriptElement} */ (document.currentScript).textContent || "") });
