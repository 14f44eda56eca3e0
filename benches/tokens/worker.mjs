// The KV namespace of a bench: answers the runtime's KV protocol from its configuration.

export default {
  /**
   * @param {Request} request
   * @param {{ CLAIMS: Record<string, string> }} env
   */
  fetch(request, env) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const claims = env.CLAIMS[key];
    return claims === undefined ? new Response(null, { status: 404 }) : new Response(claims);
  },
};
