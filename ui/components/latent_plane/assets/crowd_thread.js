/** The script of a crowd's thread, see raster.js. */

import { Raster } from "./raster.js";

const raster = new Raster((answer, transfer) => postMessage(answer, { transfer }));
addEventListener("message", ({ data }) => raster.hear(data));
postMessage({ ready: true });
