// Microversions: only below /v2.1.

import { fault } from "./answer.mjs";

const NEWEST = 104;

/**
 * Returns the requested minor version, which the answer names as well.
 * @param {Headers} headers
 * @param {{ version: string }} context
 */
export function negotiate(headers, context) {
  const standard = headers.get("openstack-api-version");
  const asked = (standard === null ? null : computeEntry(standard)) ?? headers.get("x-openstack-nova-api-version");
  if (asked === null) {
    context.version = "2.1";
    return 1;
  }
  const text = asked.trim();
  if (text === "latest") {
    context.version = `2.${NEWEST}`;
    return NEWEST;
  }
  const match = /^([1-9][0-9]*)\.(0|[1-9][0-9]*)$/.exec(text);
  if (match === null) {
    throw fault(400, `API Version String ${text} is of invalid format. Must be of format MajorNum.MinorNum.`);
  }
  context.version = text;
  const minor = Number(match[2]);
  if (match[1] !== "2" || minor < 1 || minor > NEWEST) {
    throw fault(406, `Version ${text} is not supported by the API. Minimum is 2.1 and maximum is 2.104.`);
  }
  return minor;
}

/**
 * The version in the last entry for `compute`.
 * @param {string} header
 */
function computeEntry(header) {
  const entries = header.split(",");
  for (let at = entries.length - 1; at >= 0; at -= 1) {
    const match = /^compute\s+(.*)$/i.exec((entries[at] ?? "").trim());
    if (match !== null) return match[1] ?? "";
  }
  return null;
}
