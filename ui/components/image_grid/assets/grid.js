/**
 * Many small images on one canvas; a lens, a ring and a voice for the one under the pointer. What a
 * latent plane beside it is told, and tells, says `latent_plane/assets/beside.js`.
 */

import { corner, extent, layOut, tileAt } from "./layout.js";
import { Player } from "./player.js";
import { Tiles } from "./tiles.js";

const TEXT = 14; // pixels, as grid.css has it where the page's text has its usual size: with it tiles grow
const LENS_SIDE = 150;
const AXIS_ROOM = { across: 56, up: 40 };
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @type {WeakMap<Node, Promise<Grid>>} the grid that stands in a component's place */
const standing = new WeakMap();
/** @type {WeakMap<Node, Grid>} the same, once it stands there */
const grids = new WeakMap();

/** @param {any} component as Streamlit calls it @param {URL} root the app's address */
export async function mount(component, root) {
  const place = component.parentElement;
  if (!standing.has(place)) standing.set(place, settle(place, new URL(`${component.data.assets}/grid.css`, root)));
  const grid = await standing.get(place);
  grids.set(place, grid);
  await grid.update(component, root);
  return () => {
    if (place.isConnected) return; // no farewell: an update takes over
    standing.delete(place);
    grid.leave();
  };
}

/** The figure that stands in a component's place, to be saved. @param {Node} place */
export async function saved(place) {
  const { figureOf } = await import("./saved.js");
  return grids.has(place) ? figureOf(() => grids.get(place)) : null;
}

async function settle(place, { href }) {
  const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href });
  const styled = new Promise((resolve) => (link.onload = link.onerror = resolve));
  place.append(link);
  await styled;
  return new Grid(place.querySelector(".root"));
}

export class Grid {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    root.innerHTML = `
      <div class="framed">
        <div class="axis up" aria-hidden="true" hidden></div>
        <div class="tiles">
          <canvas role="img"></canvas>
          <div class="labels"></div>
          <div class="ring under" hidden></div>
          <div class="ring chosen" hidden></div>
          <div class="ring focused" hidden></div>
        </div>
        <div class="axis across" aria-hidden="true" hidden></div>
      </div>
      <p class="failed" role="alert" hidden></p>
      <div class="lens" popover="manual" aria-hidden="true"><canvas></canvas><p></p></div>
      <p class="said" aria-live="polite"></p>`;
    [this.framed, this.tilesElement, this.canvas, this.labels, this.under, this.chosen, this.focused, this.up,
      this.across, this.failed, this.lens, this.said] = [".framed", ".tiles",
      ".tiles canvas", ".labels", ".under", ".chosen", ".focused", ".up", ".across", ".failed",
      ".lens", ".said",
    ].map((part) => root.querySelector(part));
    this.focus = 0;
    this.url = "";
    /** @type {number | null} */
    this.selected = null;
    /** @type {Tiles | null} */
    this.tiles = null;
    /** @type {import("./layout.js").Layout | null} */
    this.layout = null;
    /** @type {Player | null} */
    this.player = null;
    /** @type {number | null} the tile that a plane beside was told of */
    this.led = null;
    /** @type {number | null} the frame that Python was told of last, of these tiles */
    this.rested = null;
    this.enlarged = false; // whether it shows that tile large, so that no lens need to
    this.end = new AbortController();
    this.listen();
    this.listenBeside();
    this.resize = new ResizeObserver(() => this.draw());
    this.resize.observe(root);
  }

  leave() {
    this.hideLens();
    this.player?.pause();
    this.resize.disconnect();
    this.end.abort();
  }

  /** Take what Python sent; the old picture stays until the new one is there. */
  async update(component, root) {
    this.component = component;
    const url = new URL(component.data.url, root).href;
    const other = url !== this.url;
    if (other) {
      this.url = url;
      const picture = Object.assign(new Image(), { src: url });
      try {
        await picture.decode();
      } catch {
        this.failed.textContent = "The images are no longer kept; reload the page.";
      }
      if (this.url !== url) return; // a newer picture was asked for meanwhile
      this.failed.hidden = picture.naturalWidth > 0;
      this.framed.hidden = !this.failed.hidden;
      if (!this.failed.hidden) return;
      const { rows, columns } = this.component.data; // as Python sent it last, of the same picture
      this.tiles = new Tiles(picture, rows, columns);
      this.hideLens();
    }
    if (!this.tiles) return;
    const { data } = this.component;
    this.data = data;
    this.selected = data.selected;
    this.focus = Math.min(this.focus, this.tiles.count - 1);
    this.canvas.dataset.testid = data.testid;
    this.canvas.setAttribute("aria-label", data.alt);
    const usable = data.selectable || data.captions || data.player;
    this.tilesElement.tabIndex = usable ? 0 : -1;
    this.tilesElement.setAttribute("role", "group");
    this.tilesElement.setAttribute("aria-label", usable ? `${data.alt}. Arrow keys move.` : data.alt);
    this.tilesElement.classList.toggle("selectable", data.selectable || data.player);
    if (data.player) this.updatePlayer(other);
    this.draw();
  }

  /** @param {boolean} other whether there are other tiles than before */
  updatePlayer(other) {
    const first = !this.player;
    this.player ??= new Player(this.root, {
      onFrame: (frame, since) => {
        this.place(this.chosen, frame);
        this.lead(frame, since);
      },
      onRest: (frame) => {
        this.rested = frame;
        this.say(frame);
        this.component.setTriggerValue("frame", frame);
      },
    });
    const { captions, frameMs, frame } = this.data;
    const at = first ? frame : null; // then it is the visitor's
    this.player.update(this.tiles.count, captions, frameMs, at ?? this.player.frame);
    if (first && at === null && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.player.play();
    if (first || !other) return; // at first a link may say another z
    this.rested = null;
    this.rest();
  }

  /** Tell Python where the film rests that others have moved; once for each place. */
  rest() {
    if (!this.player.playing && this.player.frame !== this.rested) this.player.listener.onRest(this.player.frame);
  }

  draw() {
    if (!this.tiles || !this.root.clientWidth) return;
    const { data, tiles, canvas } = this;
    const ratio = devicePixelRatio;
    const label = data.labels ? parseFloat(getComputedStyle(this.labels).lineHeight) : 0;
    for (const axis of [this.up, this.across]) axis.hidden = !data.axes;
    const room = this.framed.clientWidth - (data.axes ? this.up.offsetWidth : 0);
    const k = parseFloat(getComputedStyle(this.root).fontSize) / TEXT;
    const sizes = { minTile: k * data.minTile, maxTile: k * data.maxTile, maxHeight: k * data.maxHeight };
    const wanted = { ...sizes, gap: data.gap, rows: tiles.rows, columns: tiles.columns };
    this.layout = layOut(wanted, tiles, room, label, ratio);
    const { width, height } = extent(this.layout);
    const context = canvas.getContext("2d");
    if (canvas.width === width && canvas.height === height) context.clearRect(0, 0, width, height);
    else Object.assign(canvas, { width, height });
    for (const element of [canvas, this.tilesElement]) {
      element.style.width = `${width / ratio}px`;
      element.style.height = `${height / ratio}px`;
    }
    tiles.sharpenFor(this.layout.width / tiles.width);
    for (let i = 0; i < tiles.count; i++) {
      const { x, y } = corner(this.layout, i);
      tiles.draw(context, i, x, y, this.layout.width, this.layout.height);
    }
    this.drawLabels();
    if (data.axes) {
      const { columns, rows } = this.layout;
      drawAxis(this.across, data.axes[0], width / ratio / columns, "left", k * AXIS_ROOM.across);
      drawAxis(this.up, data.axes[1], height / ratio / rows, "top", k * AXIS_ROOM.up);
    }
    this.place(this.chosen, this.player ? this.player.frame : this.selected);
    if (!this.focused.hidden) this.place(this.focused, this.focus);
  }

  drawLabels() {
    const { labels } = this.data;
    this.labels.replaceChildren(
      ...(labels ?? []).map((text, i) => {
        const label = Object.assign(document.createElement("span"), { textContent: text, title: text });
        const { x, y } = corner(this.layout, i);
        label.style.left = `${x / this.layout.ratio}px`;
        label.style.top = `${(y + this.layout.height) / this.layout.ratio}px`;
        label.style.width = `${this.layout.width / this.layout.ratio}px`;
        return label;
      }),
    );
  }

  /** Put a ring around tile i. @param {HTMLElement} ring @param {number | null} i */
  place(ring, i) {
    ring.hidden = !this.layout || i === null || i >= this.tiles.count;
    if (ring.hidden) return;
    const { width, height, ratio } = this.layout;
    const { x, y } = corner(this.layout, i);
    ring.style.transform = `translate(${x / ratio}px, ${y / ratio}px)`;
    ring.style.width = `${width / ratio}px`;
    ring.style.height = `${height / ratio}px`;
  }

  listen() {
    const { tilesElement } = this;
    const under = (event) => {
      if (!this.tiles) return -1;
      const box = this.canvas.getBoundingClientRect();
      const { ratio } = this.layout;
      const [x, y] = [(event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio];
      return tileAt(this.layout, this.tiles.count, x, y);
    };
    const look = (event) => {
      const i = under(event);
      if (i < 0) this.hideLens();
      else this.showLens(i, event.timeStamp);
    };
    tilesElement.addEventListener("pointermove", look);
    tilesElement.addEventListener("pointerdown", look);
    tilesElement.addEventListener("pointerleave", () => this.hideLens());
    tilesElement.addEventListener("pointerup", (event) => {
      if (event.pointerType === "touch") this.hideLens();
    });
    tilesElement.addEventListener("click", (event) => {
      const i = under(event);
      if (i < 0) return;
      this.focus = i;
      this.choose(i);
    });
    tilesElement.addEventListener("focus", () => {
      if (!this.tiles || !tilesElement.matches(":focus-visible")) return;
      this.place(this.focused, this.focus);
      this.say(this.focus);
    });
    tilesElement.addEventListener("blur", () => {
      this.focused.hidden = true;
      this.hideLens();
    });
    tilesElement.addEventListener("keydown", (event) => this.key(event));
  }

  /** Follow a plane beside: its pointer and its cursor among the tiles, or its way as the film. */
  listenBeside() {
    const on = (type, react) =>
      addEventListener(
        `zscape:${type}`,
        ({ detail }) => {
          if (this.tiles && this.data && detail.grid === this.data.key) react(detail);
        },
        { signal: this.end.signal },
      );
    on("place", ({ under, cursor }) => {
      if (!this.data.axes) return;
      if (this.led === null) this.place(this.under, this.tileOf(under));
      this.selected = this.tileOf(cursor);
      this.place(this.chosen, this.selected);
    });
    on("ask", () => this.player && this.lead(this.player.frame));
    on("way", ({ picture, count, frame, known }) => {
      if (!this.player) return;
      this.tiles = new Tiles(picture, 1, count, true);
      this.data.captions = null; // Python will have others when the way stands
      this.player.pause();
      this.player.update(count, null, this.data.frameMs, frame);
      if (known) this.rest(); // else once Python has sent the images of this way
      this.drawSoon();
    });
    const follow = ({ detail }) => {
      if (this.tiles && detail.plane === this.data?.maps?.plane) this.showMaps(detail.values);
    };
    addEventListener("zscape:maps", follow, { signal: this.end.signal });
  }

  /** Show the feature maps at the z under the pointer. @param {Int8Array} values */
  showMaps(values) {
    const { start, shape: [n, height, width], colours } = this.data.maps;
    if (values.length < start + n * height * width) return; // of a model that was replaced
    this.maps ??= document.createElement("canvas");
    Object.assign(this.maps, { width: n * width, height });
    const palette = Uint32Array.from(colours, ([r, g, b]) => 0xff000000 | (b << 16) | (g << 8) | r);
    const picture = new ImageData(n * width, height);
    const pixels = new Uint32Array(picture.data.buffer);
    for (let map = 0, k = start; map < n; map++) {
      for (let row = 0; row < height; row++) {
        const left = (row * n + map) * width;
        for (let column = 0; column < width; column++) pixels[left + column] = palette[values[k++] + 128];
      }
    }
    this.maps.getContext("2d").putImageData(picture, 0, 0);
    this.tiles = new Tiles(this.maps, 1, n, true);
    this.drawSoon();
  }

  drawSoon() {
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = undefined;
      this.draw();
    });
  }

  /** The tile nearest to values on both axes; none beyond the outermost. @param {[number, number] | null} at */
  tileOf(at) {
    if (!at) return null;
    const [column, row] = this.data.axes.map(({ at: values }, axis) => {
      const beyond = at[axis] < Math.min(...values) || at[axis] > Math.max(...values);
      const distances = values.map((value) => Math.abs(value - at[axis]));
      return beyond ? null : distances.indexOf(Math.min(...distances));
    });
    return column === null || row === null ? null : row * this.tiles.columns + column;
  }

  /** Tell a plane beside of the tile in view, or of none. @param {number | null} tile */
  lead(tile, since = performance.now()) {
    if (tile === this.led && !this.player) return;
    this.led = tile;
    const { key, axes } = this.data;
    const { columns } = this.tiles;
    const at = axes && tile !== null && [axes[0].at[tile % columns], axes[1].at[Math.floor(tile / columns)]];
    const detail = { grid: key, tile, at, since };
    this.enlarged = !dispatchEvent(new CustomEvent("zscape:tile", { detail, cancelable: true }));
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (!this.tiles || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key];
    if (step) this.move(...step);
    else if (event.key === "Enter") this.choose(this.focus);
    else if (event.key === " ") this.player ? this.player.toggle() : this.choose(this.focus);
    else if (event.key === "Escape") this.hideLens();
    else return;
    event.preventDefault();
  }

  move(across, down) {
    const { columns } = this.layout;
    const column = (this.focus % columns) + across;
    const i = this.focus + across + down * columns;
    const broken = this.data.rows === 1; // one row, whatever it looks like: go on to the next line
    if ((!broken && (column < 0 || column >= columns)) || i < 0 || i >= this.tiles.count) return;
    this.focus = i;
    this.place(this.focused, i);
    this.showLens(i);
    this.say(i);
  }

  choose(i) {
    if (this.player) {
      this.player.pause();
      this.player.go(i);
      this.player.listener.onRest(i);
    }
    if (!this.data.selectable) return;
    this.selected = i;
    this.place(this.chosen, i);
    this.component.setTriggerValue("selected", i);
  }

  caption(i) {
    const { columns } = this.tiles;
    return this.data.captions?.[i] ?? `Row ${Math.floor(i / columns) + 1}, column ${(i % columns) + 1}`;
  }

  say(i) {
    this.said.textContent = this.caption(i);
  }

  showLens(i, since = performance.now()) {
    this.place(this.under, i);
    this.lead(i, since);
    const ratio = devicePixelRatio;
    const { width, height } = this.layout;
    const enlarges = !this.enlarged && Math.max(width, height) / ratio < 0.6 * LENS_SIDE;
    if (!enlarges && !this.data.captions) return;
    const [canvas, text] = this.lens.children;
    canvas.hidden = !enlarges;
    if (enlarges) this.tiles.show(canvas, i, LENS_SIDE, ratio);
    text.textContent = this.data.captions?.[i] ?? "";
    text.hidden = !text.textContent;
    if (!this.lens.matches(":popover-open")) this.lens.showPopover();
    const box = this.canvas.getBoundingClientRect();
    const { x, y } = corner(this.layout, i);
    const [left, top] = [box.left + x / ratio, box.top + y / ratio];
    const { offsetWidth: w, offsetHeight: h } = this.lens;
    const beside = left + width / ratio / 2 - w / 2;
    const above = top - h - 8;
    this.lens.style.left = `${Math.min(Math.max(beside, 8), innerWidth - w - 8)}px`;
    this.lens.style.top = `${above > 64 ? above : top + height / ratio + 8}px`;
  }

  hideLens() {
    this.under.hidden = true;
    if (this.led !== null) this.lead(this.player ? this.player.frame : null);
    if (this.lens.matches(":popover-open")) this.lens.hidePopover();
  }
}

/**
 * The name of an axis and values along it, at as many tiles as have room for theirs.
 * @param {HTMLElement} element @param {{name: string, values: string[]}} axis
 * @param {number} pitch CSS pixels from tile to tile @param {"left" | "top"} side
 * @param {number} room CSS pixels that a value takes
 */
function drawAxis(element, { name, values }, pitch, side, room) {
  const last = values.length - 1;
  const most = Math.max(1, Math.min(last, 6, Math.floor((last * pitch) / room)));
  let parts = most;
  while (parts > 1 && last % parts) parts -= 1; // values at equal distances where that can be
  if (parts === 1) parts = most - ((last - most) % 2); // else symmetric ones
  const half = Array.from({ length: Math.floor(parts / 2) + 1 }, (_, k) => Math.round((k * last) / parts));
  const shown = new Set([...half, ...half.map((i) => last - i)]);
  element.replaceChildren(
    Object.assign(document.createElement("b"), { textContent: name }),
    ...[...shown].map((i) => {
      const value = Object.assign(document.createElement("span"), { textContent: values[i] });
      value.style[side] = `${(i + 0.5) * pitch}px`;
      return value;
    }),
  );
}
