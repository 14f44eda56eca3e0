// The floor: the smallest Worker that answers 204.

export default {
  fetch() {
    return new Response(null, { status: 204 });
  },
};
