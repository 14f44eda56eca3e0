// The same job in JavaScript: all that the Worker's DELETE does, written with care for speed. Answers and log lines are
// the same (see ../conformance.ts); other operations are left out, except the registry's PUT, which fills it.

import { JSON_TYPE, preferred } from "./accept.mjs";
import { Fault, NotFound, answerTo, fault } from "./answer.mjs";
import { authenticate } from "./identity.mjs";
import { parsePath } from "./path.mjs";
import { negotiate } from "./version.mjs";

export { ResourceObject } from "./object.mjs";

const BODY_LIMIT = 114_688;
const REGISTRY_BODY_LIMIT = 1 << 20;
const LAST_MINOR_WITH_IMAGES = 38;
const REQUEST_ID = /^req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const TRACE_ID = /^[0-9a-f]{32}$/i;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const DEADLINE_MS = 10_000;
const TRIES = 4;
const FIRST_PAUSE_MS = 50;

/**
 * @typedef {import("./identity.mjs").Identity} Identity
 * @typedef {import("./path.mjs").Path} Path
 * @typedef {{ TOKENS: KvNamespace, RESOURCES: ObjectNamespace<import("./object.mjs").ResourceObject> }} Env
 * @typedef {object} RequestContext
 * @property {string} requestId
 * @property {string} globalRequestId empty for none, as all that follow
 * @property {string} traceId
 * @property {string} version what the version headers name
 * @property {string} route
 * @property {Identity | null} identity
 * @property {string} tokenSource
 * @property {string} resourceId
 * @property {boolean} isAudited whether it is a change
 * @property {string} contentType of a success
 * @property {string} detail
 */

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   * @param {ExecutionContext} ctx
   * @returns {Promise<Response>}
   */
  fetch(request, env, ctx) {
    const began = Date.now();
    /** @type {RequestContext} */
    const context = {
      requestId: `req-${crypto.randomUUID()}`,
      globalRequestId: "",
      traceId: "",
      version: "",
      route: "",
      identity: null,
      tokenSource: "",
      resourceId: "",
      isAudited: false,
      contentType: JSON_TYPE,
      detail: "",
    };
    /** @type {Promise<Response>} */
    const answered = new Promise((resolve) => {
      /** @param {Fault | null} failed */
      const finish = (failed) => {
        clearTimeout(timer);
        resolve(answerTo(request.method, context, failed, Date.now() - began));
      };
      const timer = setTimeout(() => {
        context.detail = "the deadline has passed";
        finish(fault(503, "The metadata store is temporarily unavailable.", "Retry-After", "1"));
      }, DEADLINE_MS);
      handle(request, env, began, context).then(
        () => finish(null),
        (thrown) => {
          if (thrown instanceof Fault) return finish(thrown);
          context.detail = String(thrown);
          finish(fault(500, "The server has either erred or is incapable of performing the requested operation."));
        },
      );
    });
    // A client that resets its connection would otherwise leave a change without its log line.
    ctx.waitUntil(answered);
    return answered;
  },
};

/**
 * @param {Request} request
 * @param {Env} env
 * @param {number} now
 * @param {RequestContext} context
 */
async function handle(request, env, now, context) {
  const { url, method, headers } = request;
  const hostAt = url.indexOf("://") + 3;
  const pathAt = url.indexOf("/", hostAt);
  const queryAt = url.indexOf("?", pathAt);
  const path = parsePath(queryAt < 0 ? url.slice(pathAt) : url.slice(pathAt, queryAt));
  if (path !== null) context.route = path.template;
  const callersId = headers.get("x-openstack-request-id");
  if (callersId !== null && REQUEST_ID.test(callersId)) context.globalRequestId = callersId;
  const parent = headers.get("traceparent");
  if (parent !== null) context.traceId = traceId(parent);
  // 2. Announced size.
  const announced = headers.get("content-length");
  if (announced !== null) {
    const limit = path?.kind === "registry" ? REGISTRY_BODY_LIMIT : BODY_LIMIT;
    if (/^[0-9]+$/.test(announced) && Number(announced) > limit) {
      throw fault(413, `Request is too large. Larger than max_request_body_size (${limit}).`);
    }
  }
  // 3. Token.
  const token = (headers.get("x-auth-token") ?? headers.get("x-storage-token") ?? "").trim();
  const serviceToken = headers.get("x-service-token");
  if (token === "") throw unauthorized(url, pathAt);
  context.tokenSource = "memory";
  if (serviceToken !== null) await identify(serviceToken, env, now, url, pathAt);
  const known = authenticate(token, env.TOKENS, now);
  const identity = known instanceof Promise ? await known : known;
  if (identity === null) throw unauthorized(url, pathAt);
  if (known instanceof Promise) context.tokenSource = "kv";
  context.identity = identity;
  // 4. Path and method.
  if (path === null) throw NotFound;
  if (!path.allow.includes(method)) {
    throw fault(405, "The method specified is not allowed for this resource.", "Allow", path.allow);
  }
  if (path.kind === "registry") return register(request, env, path, context);
  if (method !== "DELETE") throw new Error("this yardstick only deletes");
  // 5. Microversion.
  const minor = path.hasVersions ? negotiate(headers, context) : 1;
  // 6. Content type.
  checkContentType(headers.get("content-type"));
  // 8. Project.
  if (path.projectId !== "" && path.projectId !== identity.projectId) {
    const tokenProject = identity.projectId === "" ? "None" : identity.projectId;
    throw fault(
      400,
      `Malformed request URL: URL's project_id '${path.projectId}' doesn't match Context's project_id '${tokenProject}'`,
    );
  }
  // 10. Images left after 2.38.
  if (path.kind === "image" && minor > LAST_MINOR_WITH_IMAGES) throw NotFound;
  if (path.kind === "server" && identity.projectId === "") throw forbidden();
  // 12. What cannot be an id has no object.
  const { id } = path;
  if (path.idIsText === false || !UUID.test(id)) throw notFound(path);
  context.resourceId = id;
  context.isAudited = true;
  // 12 to 16, in the object.
  const reply = await send(env, path, identity, context.requestId, now, context);
  if (reply !== "deleted") throw faultOf(reply, path);
  context.contentType = preferred(headers.get("accept"));
}

/**
 * The second part of `00-<trace id>-<parent id>-<flags>`, empty when the header is malformed.
 * @param {string} parent
 */
function traceId(parent) {
  const id = parent.split("-")[1] ?? "";
  return TRACE_ID.test(id) ? id : "";
}

/**
 * @param {string} token
 * @param {Env} env
 * @param {number} now
 * @param {string} url
 * @param {number} pathAt
 */
async function identify(token, env, now, url, pathAt) {
  if ((await authenticate(token, env.TOKENS, now)) === null) throw unauthorized(url, pathAt);
}

/** @param {string | null} contentType */
function checkContentType(contentType) {
  if (contentType === null) return;
  const semicolon = contentType.indexOf(";");
  const mediaType = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim();
  switch (mediaType) {
    case "":
    case "application/json":
    case "text/plain":
    case "application/vnd.openstack.compute+json":
      return;
    default:
      throw fault(415, "Unsupported Content-Type");
  }
}

/**
 * Retries a call only when the runtime says that it is safe.
 * @param {Env} env
 * @param {Path} path
 * @param {Identity} identity
 * @param {string} operationId
 * @param {number} now
 * @param {RequestContext} context
 */
async function send(env, path, identity, operationId, now, context) {
  const name = `${path.kind}:${path.id}`;
  for (let tries = 1; ; tries += 1) {
    try {
      const object = env.RESOURCES.getByName(name);
      return await object.delete(operationId, tries > 1, identity.projectId, identity.accessLevel, path.key);
    } catch (thrown) {
      const error = /** @type {{ retryable?: boolean, overloaded?: boolean }} */ (thrown);
      const pause = Math.random() * FIRST_PAUSE_MS * 2 ** (tries - 1);
      const late = Date.now() + pause >= now + DEADLINE_MS;
      if (!error.retryable || error.overloaded || tries === TRIES || late) {
        context.detail = `object ${name}: ${String(thrown)}`;
        throw fault(503, "The metadata store is temporarily unavailable.", "Retry-After", "1");
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/**
 * @param {string} reply
 * @param {Path} path
 */
function faultOf(reply, path) {
  const { kind, id } = path;
  const blank = reply.indexOf(" ");
  const word = blank < 0 ? reply : reply.slice(0, blank);
  const state = blank < 0 ? "" : reply.slice(blank + 1);
  switch (word) {
    case "not_found":
      return notFound(path);
    case "forbidden":
      return kind === "server" ? forbidden() : fault(403, `Not authorized for image ${id}.`);
    case "item_not_found":
      return fault(404, kind === "server" ? "Metadata item was not found" : "Invalid metadata key");
    case "locked":
      return fault(409, `Instance ${id} is locked`);
    case "vm_state":
    case "task_state":
      return fault(409, `Cannot 'delete metadata' instance ${id} while it is in ${word} ${state}`);
    case "never_launched":
      return fault(409, `Instance ${id} is in an invalid state for 'delete metadata'`);
    case "image_status":
      return fault(409, `Cannot 'delete metadata' image ${id} while it is in status ${state}`);
    default:
      throw new Error(`the object replied ${reply}`);
  }
}

/** @param {Path} path */
function notFound(path) {
  return fault(404, path.kind === "server" ? `Instance ${path.id} could not be found.` : "Image not found.");
}

function forbidden() {
  return fault(403, "Policy doesn't allow os_compute_api:server-metadata:delete to be performed.");
}

/**
 * @param {string} url
 * @param {number} pathAt
 */
function unauthorized(url, pathAt) {
  const origin = url.slice(0, pathAt);
  return fault(401, "The request you have made requires authentication.", "WWW-Authenticate", `Keystone uri="${origin}"`);
}

/**
 * The registry's PUT without checks: the bench's documents are valid.
 * @param {Request} request
 * @param {Env} env
 * @param {Path} path
 * @param {RequestContext} context
 */
async function register(request, env, path, context) {
  const name = `${path.registered}:${path.id}`;
  await env.RESOURCES.getByName(name).register(await request.text());
  context.resourceId = path.id;
}
