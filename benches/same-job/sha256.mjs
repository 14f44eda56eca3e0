// Synchronous SHA-256: awaiting the runtime's own costs more than the digest.

const CONSTANTS = new Int32Array(64);
const START = new Int32Array(8);

{
  // The first 32 bits of the fractions of the cube and square roots of the first primes.
  const fraction = (/** @type {number} */ root) => (root - Math.floor(root)) * 2 ** 32;
  let found = 0;
  for (let candidate = 2; found < 64; candidate += 1) {
    let isPrime = true;
    for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) isPrime &&= candidate % divisor !== 0;
    if (!isPrime) continue;
    if (found < 8) START[found] = fraction(Math.sqrt(candidate));
    CONSTANTS[found] = fraction(Math.cbrt(candidate));
    found += 1;
  }
}

const schedule = new Int32Array(64);
const state = new Int32Array(8);
const encoder = new TextEncoder();
let bytes = new Uint8Array(512);

/**
 * Returns the digest as 16 code units of two bytes each, a short key for a Map.
 * @param {string} text
 */
export function sha256(text) {
  if (text.length * 3 + 72 > bytes.length) bytes = new Uint8Array(text.length * 3 + 72);
  const length = encoder.encodeInto(text, bytes).written;
  const end = (length + 72) & ~63;
  bytes.fill(0, length, end);
  bytes[length] = 0x80;
  const bits = length * 8;
  bytes[end - 4] = bits >>> 24;
  bytes[end - 3] = bits >>> 16;
  bytes[end - 2] = bits >>> 8;
  bytes[end - 1] = bits;
  state.set(START);
  for (let at = 0; at < end; at += 64) compress(at);
  return String.fromCharCode(
    word(0) >>> 16,
    word(0) & 0xffff,
    word(1) >>> 16,
    word(1) & 0xffff,
    word(2) >>> 16,
    word(2) & 0xffff,
    word(3) >>> 16,
    word(3) & 0xffff,
    word(4) >>> 16,
    word(4) & 0xffff,
    word(5) >>> 16,
    word(5) & 0xffff,
    word(6) >>> 16,
    word(6) & 0xffff,
    word(7) >>> 16,
    word(7) & 0xffff,
  );
}

/** @param {number} at */
function word(at) {
  return get(state, at);
}

/**
 * An element that is there.
 * @param {Int32Array | Uint8Array} array
 * @param {number} at
 */
function get(array, at) {
  return /** @type {number} */ (array[at]);
}

/** @param {number} from */
function compress(from) {
  for (let at = 0, byte = from; at < 16; at += 1, byte += 4) {
    schedule[at] = (get(bytes, byte) << 24) | (get(bytes, byte + 1) << 16) | (get(bytes, byte + 2) << 8) | get(bytes, byte + 3);
  }
  for (let at = 16; at < 64; at += 1) {
    const x = get(schedule, at - 15);
    const y = get(schedule, at - 2);
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    schedule[at] = get(schedule, at - 16) + s0 + get(schedule, at - 7) + s1;
  }
  let a = word(0),
    b = word(1),
    c = word(2),
    d = word(3);
  let e = word(4),
    f = word(5),
    g = word(6),
    h = word(7);
  for (let at = 0; at < 64; at += 1) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + get(CONSTANTS, at) + get(schedule, at)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = word(0) + a;
  state[1] = word(1) + b;
  state[2] = word(2) + c;
  state[3] = word(3) + d;
  state[4] = word(4) + e;
  state[5] = word(5) + f;
  state[6] = word(6) + g;
  state[7] = word(7) + h;
}
