// The floor: the smallest Worker that answers as a DELETE does.

export default {
  fetch() {
    return new Response(null, { status: 204 });
  },
};
