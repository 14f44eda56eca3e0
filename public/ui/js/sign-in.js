// The first view: whose servers and images are to be shown.

import { button, el, uniqueId } from "./dom.js";
import { notice } from "./notice.js";

/**
 * @typedef {object} SignInOptions
 * @property {(token: string) => void} use
 * @property {Promise<string | null>} demo the demo's token, where there is a demo
 * @property {import("./fault.js").Fault | null} fault why the last session ended
 */

/** What HTTP carries in a header without loss. */
const SENDABLE = /^[\x21-\x7e]+$/;

/** @param {SignInOptions} options */
export function signIn({ use, demo, fault }) {
  const problem = el("p", { class: "problem", id: uniqueId("problem"), role: "alert" });
  const hint = el(
    "p",
    { class: "hint", id: uniqueId("hint") },
    "Kept in this tab's memory and sent to this service alone. A reload forgets it.",
  );
  const input = el("input", {
    id: uniqueId("token"),
    class: "input token",
    type: "password",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    "aria-describedby": `${problem.id} ${hint.id}`,
  });
  const submit = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const token = input.value.trim();
    const isSendable = SENDABLE.test(token);
    input.setAttribute("aria-invalid", String(!isSendable));
    problem.textContent = isSendable
      ? ""
      : token === ""
        ? "A token is needed."
        : "A token has no spaces and no letters beyond ASCII.";
    if (!isSendable) return input.focus();
    input.value = "";
    use(token);
  };
  const demoPlace = el("div", { class: "demo" });
  const ended = el("div", {});
  if (fault !== null) {
    ended.append(
      notice({
        title: "Signed out",
        advice: "The service did not accept the token: it is unknown, has expired or was taken back.",
        fault,
      }),
    );
  }
  const element = el(
    "section",
    { class: "sign-in" },
    el("h1", { tabindex: "-1" }, "Servers, images and their metadata"),
    el("p", { class: "lead" }, "Look at what your project keeps on its servers and images, and change it."),
    ended,
    el(
      "form",
      { submit, novalidate: true },
      el("label", { for: input.id }, "Token"),
      el("div", { class: "token-row" }, input, el("button", { type: "submit", class: "button primary" }, "Open")),
      problem,
      hint,
    ),
    demoPlace,
  );
  void demo.then((token) => {
    if (token !== null)
      demoPlace.append(el("span", {}, "No token at hand?"), button({ label: "Use the demo", press: () => use(token) }));
  });
  return { element, focus: () => input.focus() };
}
