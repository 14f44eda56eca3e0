// The media type of an answer, by the `Accept` header.

export const JSON_TYPE = "application/json";
const COMPUTE_TYPE = "application/vnd.openstack.compute+json";

/**
 * Plain JSON unless the client prefers the API's own type.
 * @param {string | null} accept
 */
export function preferred(accept) {
  if (accept === null || accept === JSON_TYPE || accept === "*/*") return JSON_TYPE;
  const ranges = accept
    .split(",")
    .map(range)
    .filter((range) => range !== null);
  return quality(ranges, COMPUTE_TYPE) > quality(ranges, JSON_TYPE) ? COMPUTE_TYPE : JSON_TYPE;
}

/**
 * @param {string} element
 * @returns {{ name: string, quality: number } | null} null for a malformed range
 */
function range(element) {
  const [name = "", ...parameters] = element.split(";").map((part) => part.trim());
  if (!name.includes("/")) return null;
  const given = parameters.find((parameter) => /^q=/i.test(parameter));
  const quality = given === undefined ? 1 : Number.parseFloat(given.slice(2));
  return quality >= 0 && quality <= 1 ? { name: name.toLowerCase(), quality } : null;
}

/**
 * The quality of the most specific range that names `offer`, 0 when none does.
 * @param {{ name: string, quality: number }[]} ranges
 * @param {string} offer
 */
function quality(ranges, offer) {
  for (const name of [offer, "application/*", "*/*"]) {
    const found = ranges.findLast((range) => range.name === name);
    if (found !== undefined) return found.quality;
  }
  return 0;
}
