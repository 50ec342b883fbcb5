/** An exported page: one file with a model in it, which asks no network for anything. */

import { choice } from "../standalone/choice.js";
import { Dimensions } from "../standalone/dimensions.js";
import { openEngine } from "../standalone/engine_channel.js";
import { showPlane } from "../standalone/host.js";
import { chooseTheme, hideParts, say, zInAddress } from "./address.js";
import { FILM, Film } from "./film.js";
import { element } from "../../components/latent_plane/assets/furniture.js";

const $ = (id) => document.getElementById(id);

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%,()*+-;.=>?@^_`{|}~";

/** What base 85 says, in which `.` and `,` stand for `<` and `&`. @param {string} text */
function bytesOf(text) {
  const digit = new Uint8Array(128).fill(84); // what the last word lacks
  for (let k = 0; k < 85; k++) digit[DIGITS.charCodeAt(k)] = k;
  const bytes = new DataView(new ArrayBuffer(4 * Math.ceil(text.length / 5)));
  for (let k = 0; k < text.length; k += 5) {
    let word = 0;
    for (let i = k; i < k + 5; i++) word = 85 * word + (digit[text.charCodeAt(i)] ?? 84);
    bytes.setUint32((4 * k) / 5, word);
  }
  return new Uint8Array(bytes.buffer, 0, Math.floor((4 * text.length) / 5));
}

/** @returns {Promise<(name: string) => ArrayBuffer>} the parts of the data, as the page's head lays them out */
async function unpacked(layout) {
  const packed = bytesOf($("bytes").textContent);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const whole = await new Response(stream).arrayBuffer();
  return (name) => {
    const [at, length] = layout[name] ?? [0, 0];
    return whole.slice(at, at + length);
  };
}

/** What is known of the images behind the points. @param {any} told @param {(name: string) => ArrayBuffer} part */
function storedIn({ count, d, size }, part) {
  const codes = d === 2 ? new Float32Array(part("points"), 0, count * d) : new Float32Array(part("codes"));
  const pixels = new Uint8Array(part("images"));
  const at = new Map(Array.from(new Uint32Array(part("rows")), (row, k) => [row, k]));
  return {
    count,
    code: (row) => codes.subarray(d * row, d * (row + 1)),
    image: (row) => (at.has(row) ? pixels.subarray(size * at.get(row), size * (at.get(row) + 1)) : null),
  };
}

/** A module of the data, with its exports. @param {ArrayBuffer} text @returns {Promise<any>} */
async function module(text) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  try {
    return await import(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

async function begin() {
  const told = JSON.parse($("told").textContent);
  const part = await unpacked(told.layout);
  const d = told.description.z.length;
  const stored = storedIn({ count: told.count, d, size: told.size }, part);
  $("notice").remove();
  document.querySelector("main").hidden = false;

  const description = { ...told.description, draw: null, z: zInAddress(d) ?? told.description.z };
  const open = openEngine(part("weights"), new TextDecoder().decode(part("engine")), stored);
  const points = description.points ? part("points") : undefined;
  const shown = showPlane($("plane"), description, { style: told.styles.plane, open, points }, (name) => {
    if (name === "z" || name === "drawn") rest();
  });
  const { plane } = shown;

  /** @type {(hang: (saving: typeof import("../standalone/saving.js"), style: string) => void) => Promise<void>} a menu, once the page rests */
  const saved = async (hang) => {
    await new Promise((rest) => (window.requestIdleCallback ?? setTimeout)(rest));
    hang(await module(part("saving")), told.styles.menu);
  };
  saved(({ savePlane }, style) => savePlane(plane, style));
  const leaveFilm = chooseMode(told, shown, saved);
  const dimensions = new Dimensions($("dimensions"), told.dimensions, {
    slide: (dim, value) => {
      leaveFilm();
      plane.slide(dim, value);
    },
    rest: (z) => go(z),
  });
  /** z is another: sliders, strips and the address follow. */
  function rest() {
    dimensions.show(plane.z);
    if (plane.hello) dimensions.traverse(plane.channel, plane.hello.image_shape);
    say({ z: plane.z.map((x) => x.toFixed(3)).join(",") });
  }
  function go(z) {
    leaveFilm();
    shown.update({ z });
    rest();
  }
  dimensions.show(plane.z);
  addEventListener("zscape:decoded", rest, { once: true }); // the engine is there
  addEventListener("zscape:decoded", () => plane.hand.press?.kind === "z" && dimensions.show(plane.z));
  addEventListener("zscape:say", ({ detail }) => say(detail));
  const [first, ...others] = jumps(told, go);
  first.append(dimensions.corner);
  $("dimensions").prepend(first, ...others);
  saved(({ saveStrips }, style) => saveStrips(dimensions, style));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown.update({}));
}

/** Ways to a z: the origin, a draw, the mean of a class. @returns {HTMLElement[]} */
function jumps({ description, classes }, go) {
  const d = description.z.length;
  const button = (text, title, act) => {
    const made = element("button", { type: "button", title }, [text]);
    made.addEventListener("click", act);
    return made;
  };
  const draw = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  const buttons = element("div", { class: "row" }, [
    button("Reset", "z = 0", () => go(Array(d).fill(0))),
    button("Random", "Draw z from the prior", () => go(Array.from({ length: d }, () => Number(draw().toFixed(4))))),
  ]);
  if (!classes) return [buttons];
  const choice = element("select", { "aria-label": "Jump to the mean of a class" }, [
    element("option", { value: "" }, ["Mean of a class"]),
    ...description.points.names.map((name, k) => element("option", { value: k }, [name])),
  ]);
  choice.addEventListener("change", () => {
    if (choice.value) go(classes[Number(choice.value)]);
    choice.value = "";
  });
  return [buttons, element("div", { class: "row" }, [choice])];
}

/**
 * The pointer moves z, or sets the stops of a film; or a pad beside the plane is drawn on.
 * @returns {() => void} to be called when z is moved from elsewhere
 */
function chooseMode({ description, way, styles, frameMs }, shown, saved) {
  const { plane } = shown;
  /** @type {Film | null} */
  let film = null;
  let { stops, method } = way;
  const makeFilm = async () => {
    if (!film) {
      const made = (film = new Film($("film"), styles.grid, frameMs));
      made.ready.then(() => saved(({ saveImages }, style) => saveImages(made.shadow, made.grid, style)));
    }
    await film.ready;
    film.playOnce();
    shown.update({ mode: "stops", grid: FILM, draw: null, way: { ...way, method, stops } });
    plane.stops.look();
  };
  const moveZ = (draw) => {
    if (plane.data.way) stops = plane.stops.all;
    film?.pause();
    plane.led = null;
    shown.update({ mode: "cursor", grid: null, draw, way: null });
    plane.look();
  };
  const ways = choice("Way", ["linear", "spherical"], (k) => {
    method = ["linear", "spherical"][k];
    stops = plane.stops.all;
    makeFilm();
  });
  const names = ["Decode z", "Film between stops", ...(description.encodes ? ["Draw"] : [])];
  const modes = choice("What the pointer does", names, (k) => {
    ways.hidden = $("film").hidden = k !== 1;
    if (k === 1) makeFilm();
    else moveZ(k === 2 ? description.draw : null);
  });
  ways.hidden = true;
  $("modes").append(modes, ways);
  return () => ways.hidden || /** @type {HTMLElement} */ (modes.firstChild).click();
}

chooseTheme();
hideParts();
begin().catch((why) => {
  const notice = $("notice") ?? document.body.appendChild(element("p", { id: "notice" }));
  notice.className = "failed";
  notice.textContent = globalThis.DecompressionStream
    ? `This file cannot be read; save it anew. (${why.message})`
    : "This browser is too old to unpack the model in this file: it has no DecompressionStream.";
});
