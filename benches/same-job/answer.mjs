// Answers, faults and log lines.

/** @typedef {import("./worker.mjs").RequestContext} RequestContext */

export class Fault {
  /**
   * @param {number} status
   * @param {string} message
   * @param {string} name of the one header that only this fault has; empty for none
   * @param {string} value
   */
  constructor(status, message, name, value) {
    this.status = status;
    this.message = message;
    this.name = name;
    this.value = value;
  }
}

/**
 * @param {number} status
 * @param {string} message
 */
export function fault(status, message, name = "", value = "") {
  return new Fault(status, message, name, value);
}

export const NotFound = fault(404, "The resource could not be found.");

/** @type {Record<number, string>} */
const NAMES = {
  400: "badRequest",
  403: "forbidden",
  404: "itemNotFound",
  405: "badMethod",
  406: "computeFault",
  409: "conflictingRequest",
  413: "overLimit",
  415: "badMediaType",
  500: "computeFault",
  503: "serviceUnavailable",
};

const VARY = "OpenStack-API-Version, X-OpenStack-Nova-API-Version";

/**
 * @param {string} method
 * @param {RequestContext} context
 * @param {Fault | null} failed
 * @param {number} milliseconds
 */
export function answerTo(method, context, failed, milliseconds) {
  const { requestId, version, contentType } = context;
  if (failed === null) {
    log(method, context, 204, milliseconds);
    return version === ""
      ? new Response(null, {
          status: 204,
          headers: {
            "Content-Type": contentType,
            "X-Compute-Request-Id": requestId,
            "X-OpenStack-Request-Id": requestId,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
          },
        })
      : new Response(null, {
          status: 204,
          headers: {
            "Content-Type": contentType,
            "X-Compute-Request-Id": requestId,
            "X-OpenStack-Request-Id": requestId,
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            "OpenStack-API-Version": `compute ${version}`,
            "X-OpenStack-Nova-API-Version": version,
            Vary: VARY,
          },
        });
  }
  const { status } = failed;
  log(method, context, status, milliseconds);
  /** @type {Record<string, string>} */
  const headers = {
    "Content-Type": status === 401 ? "application/json" : "application/json; charset=UTF-8",
    "X-Compute-Request-Id": requestId,
    "X-OpenStack-Request-Id": requestId,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
  };
  if (version !== "") {
    headers["OpenStack-API-Version"] = `compute ${version}`;
    headers["X-OpenStack-Nova-API-Version"] = version;
    headers["Vary"] = VARY;
  }
  if (failed.name !== "") headers[failed.name] = failed.value;
  const message = JSON.stringify(failed.message);
  const body =
    status === 401
      ? `{"error": {"code": 401, "title": "Unauthorized", "message": ${message}}}`
      : `{"${NAMES[status]}": {"message": ${message}, "code": ${status}}}`;
  return new Response(body, { status, headers });
}

/**
 * @param {string} method
 * @param {RequestContext} context
 * @param {number} status
 * @param {number} milliseconds
 */
function log(method, context, status, milliseconds) {
  const notable = status >= 500 || context.detail !== "";
  const start = notable ? '{"level":"error","message":"request failed"' : '{"level":"info","message":"request"';
  const time = new Date(Date.now()).toISOString();
  let line = `${start},"time":"${time}","status":${status},"duration_ms":${milliseconds},"request_id":"${context.requestId}"`;
  if (context.globalRequestId !== "") line += `,"global_request_id":"${context.globalRequestId}"`;
  if (context.traceId !== "") line += `,"trace_id":"${context.traceId}"`;
  line += `,"method":"${method}"`;
  if (context.route !== "") line += `,"route":"${context.route}"`;
  // Quoted once, when the token was cached.
  if (context.identity !== null) line += context.identity.logged;
  if (context.resourceId !== "") line += `,"resource_id":"${context.resourceId}"`;
  if (context.tokenSource !== "") line += `,"token_source":"${context.tokenSource}"`;
  if (context.isAudited) line += `,"audit":true,"action":"delete_item","outcome":"${outcome(status)}"`;
  if (context.detail !== "") line += `,"detail":${JSON.stringify(context.detail)}`;
  line += "}";
  if (notable) console.error(line);
  else console.log(line);
}

/** @param {number} status */
function outcome(status) {
  return status < 400 ? "success" : status < 500 ? "failure" : "unknown";
}
