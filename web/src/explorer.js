// The explorer: the page on which one looks inside a trained net.

import { start } from "./explorer/start.js";

start();
