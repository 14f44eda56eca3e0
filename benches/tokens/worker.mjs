// The KV namespace of a bench: answers what the runtime asks of a namespace, from what it was started with.

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
