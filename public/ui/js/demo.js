// The demo that `npm start` serves: its token is public, because the API's own documents print it.

const LOCAL = ["127.0.0.1", "localhost", "[::1]"];

/**
 * The demo's token where the demo is served, which is only ever a person's own machine; elsewhere nothing is
 * asked for.
 *
 * @param {Location} location
 * @returns {Promise<string | null>}
 */
export async function demoToken(location) {
  if (!LOCAL.includes(location.hostname)) return null;
  try {
    const response = await fetch(new URL("demo.json", location.href), { credentials: "omit" });
    if (!response.ok) return null;
    const { token } = await response.json();
    return typeof token === "string" ? token : null;
  } catch {
    return null;
  }
}
