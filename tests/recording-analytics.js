// The Worker with a data set that logs what is written to it, or refuses it.

import worker, * as classes from "../entry.js";

export const { IndexObject, ResourceObject } = classes;

export default {
  fetch(request, env, ctx) {
    const ANALYTICS = {
      writeDataPoint(point) {
        if (env.ANALYTICS_FAILURE) throw new Error(env.ANALYTICS_FAILURE);
        console.log(`point ${JSON.stringify(point)}`);
      },
    };
    return worker.fetch(request, { ...env, ANALYTICS }, ctx);
  },
};
