/**
 * A room: the leader's browser says what it shows, the followers' browsers show it. The socket
 * (`live/rooms/socket.py`) belongs to the tab and outlives the pages; the component is its bar.
 */

import { Bar } from "./bar.js";
import { Follower } from "./follower.js";
import { Leader } from "./leader.js";

const GONE_MS = 3000; // without its bar, as between two pages

/** @type {Leader | Follower | null} the one that this tab has */
let part = null;
/** @type {WeakMap<Node, Bar>} */
const bars = new WeakMap();
let leaving;
/** @type {HTMLElement | null} where the bar was shown last: a page's may come before the last one's goes */
let newest = null;

/** @param {{data: any, parentElement: ShadowRoot, setTriggerValue: Function}} component @param {URL} root */
export function mount({ data, parentElement, setTriggerValue }, root) {
  clearTimeout(leaving);
  const host = parentElement.querySelector(".root");
  const bar = bars.get(host) ?? new Bar(host);
  bars.set(host, bar);
  newest = host;
  if (part?.code !== data.code || part?.secret !== data.secret) {
    part?.leave();
    part = data.secret ? new Leader(data, root) : new Follower(data, root);
  }
  if (part instanceof Follower) part.hasBegun(data.begun);
  else part.models = data.models;
  bar.show(part, () => setTriggerValue("over", data.code));
  return () => {
    if (host.isConnected) return; // no farewell: an update takes over
    leaving = setTimeout(() => {
      if (newest.isConnected) return;
      part?.leave();
      part = null;
    }, GONE_MS);
  };
}
