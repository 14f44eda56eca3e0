// Why a request was not answered as it was meant.

/**
 * One fault of the service, or the failure to get any answer (`status` 0).
 */
export class Fault extends Error {
  /**
   * @param {object} parts
   * @param {number} parts.status HTTP status; 0 when no answer came
   * @param {string} parts.name the member of the body that holds the fault, such as `conflictingRequest`
   * @param {string} parts.message what the service says, word for word
   * @param {string | null} parts.requestId
   * @param {number | null} [parts.retryAfter] seconds
   */
  constructor({ status, name, message, requestId, retryAfter = null }) {
    super(message);
    this.status = status;
    this.name = name;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }

  /**
   * Reads a fault from an answer that is no success. A body that is not the service's own, from something that
   * stands in front of it, is not shown.
   *
   * @param {Response} response
   * @returns {Promise<Fault>}
   */
  static async from(response) {
    const { name, message } = read(await response.text().catch(() => ""));
    const wait = Number(response.headers.get("Retry-After") ?? "");
    return new Fault({
      status: response.status,
      name,
      message: message || `${response.status} ${response.statusText}`.trim(),
      requestId: response.headers.get("X-Compute-Request-Id"),
      retryAfter: wait > 0 ? wait : null,
    });
  }

  /** Whether a change may have been made although nothing says so: it has to be looked up. */
  get leavesOutcomeUnknown() {
    return this.status === 0 || this.status >= 500;
  }
}

/** @param {string} text */
function read(text) {
  try {
    /** @type {unknown} */
    const body = JSON.parse(text);
    const [name, fault] = Object.entries(Object(body))[0] ?? ["", undefined];
    const message = Object(fault).message;
    if (typeof message === "string") return { name, message };
  } catch {
    // Not JSON: not the service's own.
  }
  return { name: "", message: "" };
}
