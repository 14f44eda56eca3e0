// The page begins here: who is asking, then what they see.

import { announce } from "./announce.js";
import { Api } from "./api.js";
import { Browser } from "./browser.js";
import { demoToken } from "./demo.js";
import { Fault } from "./fault.js";
import { progress } from "./progress.js";
import { Resources } from "./resources.js";
import { signIn } from "./sign-in.js";

const main = required("main");
const signOut = required("sign-out");
const activity = progress(required("progress"));
const base = new URL(document.querySelector("meta[name=api-base]")?.getAttribute("content") ?? "../", location.href);
const demo = demoToken(location);

/** @type {Browser | null} */
let browser = null;

showSignIn(null);
signOut.addEventListener("click", () => {
  // What was shown goes as well, and with it everything that was learned with the token.
  history.replaceState(null, "", location.pathname);
  showSignIn(null);
  announce("Signed out.");
});
addEventListener("hashchange", () => browser?.go(true));
required("skip").addEventListener("click", (event) => {
  // Not by the address, which says what is shown.
  event.preventDefault();
  main.focus();
});

/** @param {Fault | null} fault why the last session ended */
function showSignIn(fault) {
  browser = null;
  signOut.hidden = true;
  document.title = "edge-metadata";
  const view = signIn({ use, demo, fault });
  main.replaceChildren(view.element);
  view.focus();
}

/** @param {string} token */
function use(token) {
  const resources = new Resources(new Api(base, token, activity));
  /** Of two requests that are refused at once the second finds the session over. */
  const ended = (/** @type {Fault} */ fault) => {
    if (browser !== session) return true;
    if (fault.status !== 401) return false;
    showSignIn(fault);
    return true;
  };
  const session = new Browser({ resources, ended });
  browser = session;
  signOut.hidden = false;
  main.replaceChildren(session.element);
  main.focus();
  void session.start();
}

/** @param {string} id */
function required(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}
