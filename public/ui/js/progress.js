// Shows that something is under way: a bar after a moment, and words when it takes long.

import { announce } from "./announce.js";

/** What is answered sooner needs no sign, which would only flicker. */
const BAR_AFTER_MS = 250;
const WORDS_AFTER_MS = 4_000;

/**
 * @param {HTMLElement} bar
 * @returns {import("./api.js").Activity}
 */
export function progress(bar) {
  /** @type {ReturnType<typeof setTimeout>[]} */
  let timers = [];
  let isUnderWay = false;
  return (pending) => {
    if (pending > 0 === isUnderWay) return;
    isUnderWay = pending > 0;
    for (const timer of timers) clearTimeout(timer);
    timers = [];
    bar.hidden = true;
    bar.dataset["words"] = "";
    if (!isUnderWay) return;
    timers = [
      setTimeout(() => {
        bar.hidden = false;
      }, BAR_AFTER_MS),
      setTimeout(() => {
        bar.dataset["words"] = "Still waiting for the service…";
        announce("Still waiting for the service.");
      }, WORDS_AFTER_MS),
    ];
  };
}
