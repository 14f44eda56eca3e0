// Hands each request on to the Rust side, which answers 204.

import wasm from "./build/index_bg.wasm";
import * as rust from "./build/index.js";

rust.initSync({ module: wasm });

export default {
  fetch() {
    return rust.fetch();
  },
};
