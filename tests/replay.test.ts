// Replays requests to a real Nova and compares the answers.
//
// `nova-recorded/README.md` describes the recording. All requests are sent first, in order, because some depend on
// earlier ones; then each answer has a test of its own.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, test } from "node:test";

import { assertRequestId } from "./answers.ts";
import { projectId, startWorker, type Answer, type HeaderList } from "./harness.ts";
import { bytesOf, fixtures, headersByName, recording, withoutValues, type Compared, type Recorded } from "./recording.ts";

/** Intended differences from Nova. */
interface Difference {
  /** The row of docs/contract.md. */
  row: string;
  cases: string[];
  /** The Worker's answer. */
  instead: (nova: Compared, recorded: Recorded) => Compared;
}

const REQUEST_IDS = ["x-compute-request-id", "x-openstack-request-id"];

/** Requests that need a real Keystone, and why. */
const LEFT_OUT: Record<string, string> = {
  "s/auth/revoked-after-use-1": "Keystone revokes this token after its first use",
  "s/auth/revoked-after-use-2(cached)": "what is remembered of a token that Keystone has revoked since",
};

const DIFFERENCES: Difference[] = [
  {
    row: "Better than Nova: `task_state` never checked (its decorator disables it); here 409 while a task runs",
    cases: [
      "s/state/task-rebooting/delete",
      "s/state/task-rebooting/put",
      "s/state/task-deleting/delete",
      "s/state/task-deleting/put",
      "s/state/task-resize/delete",
      "s/state/task-resize/put",
    ],
    instead: (nova, { request }) => {
      const server = fixtures.servers.find(({ id }) => request.path.includes(id));
      const action = request.method === "DELETE" ? "delete" : "update";
      const where = `instance ${server?.id} while it is in task_state ${server?.task_state}`;
      return fault(nova, 409, "conflictingRequest", `Cannot '${action} metadata' ${where}`);
    },
  },
  {
    row: "Paths: a server in vm_state `deleted` is 404 everywhere but in the registry",
    cases: [
      "s/state/deleted/delete",
      "s/state/deleted/put",
      "s/state/deleted/post",
      "s/state/deleted/putall",
      "s/state/deleted/list",
      "s/state/deleted/show",
    ],
    instead: (nova, { request }) => {
      const server = fixtures.servers.find(({ id }) => request.path.includes(id));
      return fault(nova, 404, "itemNotFound", `Instance ${server?.id} could not be found.`);
    },
  },
  {
    row: "Better than Nova: a body that is not UTF-8, or nested deeply: 500; here 400",
    cases: ["s/put/utf16", "s/put/notutf8", "s/put/ctype-latin1", "s/put/deep"],
    instead: (nova) => fault(nova, 400, "badRequest", "Malformed request body"),
  },
  {
    row: "Order of the checks, 7: `NaN` and lone surrogates are not JSON",
    cases: ["s/put/nan", "s/put/value-surrogate"],
    instead: (nova) => fault(nova, 400, "badRequest", "Malformed request body"),
  },
  {
    row: "Better than Nova: chunked body: read as empty; here read",
    cases: ["s/put/chunked"],
    instead: (nova) => ({
      status: 200,
      headers: { ...nova.headers, "content-type": ["application/json"] },
      body: { meta: { foo: "c" } },
    }),
  },
  {
    row: "Better than Nova: chunked body: read as empty; here read, so that it can be too large",
    cases: ["s/put/oversize-chunked"],
    instead: (nova) => tooLarge(withoutVersion(nova)),
  },
  {
    row: "Better than Nova: body too large: text with a literal `%s`; here JSON",
    cases: ["s/put/oversize", "s/put/just-over", "s/postall/oversize"],
    instead: (nova) => tooLarge(nova),
  },
  {
    row: "Better than Nova: unknown path: HTML or text by `Accept`; here a JSON fault",
    cases: ["s/put/key-empty"],
    instead: (nova) => fault(nova, 404, "itemNotFound", "The resource could not be found."),
  },
  {
    row: "Better than Nova: `%2F` in a key: unknown path; here part of the key, so that PUT fails its schema",
    cases: ["s/put/key-slash"],
    instead: (nova) => fault(withVersion(nova, "2.1"), 400, "badRequest", badKey("meta", "a/b")),
  },
  {
    row: "Better than Nova: PUT of item `foo%0A`: mismatch by accident; here 400 by the schema",
    cases: ["s/put/key-newline"],
    instead: (nova) => fault(nova, 400, "badRequest", badKey("meta", "foo\\n")),
  },
  {
    row: "Better than Nova: unscoped token without a project in the URL, servers: 500; here 403",
    cases: ["s/auth/unscoped/list"],
    instead: (nova) => {
      const message = "Policy doesn't allow os_compute_api:server-metadata:index to be performed.";
      return fault(nova, 403, "forbidden", message);
    },
  },
  {
    row: "Better than Nova: image PUT of `status`: 500; here 200",
    cases: ["i/image/put-corefield-status"],
    instead: (nova) => ({
      status: 200,
      headers: { ...nova.headers, "content-type": ["application/json"] },
      body: { meta: { status: "x" } },
    }),
  },
  {
    row: "Better than Nova: request ids missing on the root document; here there",
    cases: ["root/versions"],
    instead: (nova) => ({
      ...nova,
      headers: { ...nova.headers, ...Object.fromEntries(REQUEST_IDS.map((name) => [name, ["req-{uuid}"]])) },
    }),
  },
];

function fault(nova: Compared, status: number, name: string, message: string): Compared {
  return {
    status,
    headers: { ...nova.headers, "content-type": ["application/json; charset=UTF-8"] },
    body: { [name]: { message: withoutValues(message), code: status } },
  };
}

function tooLarge(nova: Compared): Compared {
  return fault(nova, 413, "overLimit", "Request is too large. Larger than max_request_body_size (114688).");
}

function badKey(field: string, key: string): string {
  const regexes = "does not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'";
  return `Invalid input for field/attribute ${field}. Value: {'${key}': '1'}. '${key}' ${regexes}`;
}

function withVersion(nova: Compared, version: string): Compared {
  const headers = {
    "openstack-api-version": [`compute ${version}`],
    "x-openstack-nova-api-version": [version],
    vary: ["OpenStack-API-Version", "X-OpenStack-Nova-API-Version"],
  };
  return { ...nova, headers: { ...nova.headers, ...headers } };
}

function withoutVersion(nova: Compared): Compared {
  const names = ["openstack-api-version", "x-openstack-nova-api-version", "vary"];
  const headers = Object.entries(nova.headers).filter(([name]) => !names.includes(name));
  return { ...nova, headers: Object.fromEntries(headers) };
}

/** Headers that only the Worker sends, always with this value. */
const ADDED_HERE: Record<string, string> = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
};

/** Headers that the HTTP server adds, which the recording does not have. */
const ADDED_BY_PLATFORM = ["connection", "date"];

const worker = await startWorker();
after(() => worker.stop());

const projects: Record<string, string> = {
  acme: projectId(),
  other: projectId(),
  admin: projectId(),
  service: projectId(),
};

const TOKENS: Record<string, { project: string | null; roles: string[]; expiresIn?: number }> = {
  alice: { project: "acme", roles: ["member"] },
  rita: { project: "acme", roles: ["reader"] },
  mona: { project: "acme", roles: ["manager"] },
  root1: { project: "acme", roles: ["admin"] },
  bob: { project: "other", roles: ["member"] },
  norole: { project: "acme", roles: ["service"] },
  admin: { project: "admin", roles: ["admin"] },
  svc: { project: "service", roles: ["service", "admin"] },
  system: { project: null, roles: ["admin"] },
  unscoped: { project: null, roles: [] },
  expired: { project: "acme", roles: ["member"], expiresIn: -1 },
  revoked: { project: "acme", roles: ["member"] },
};

const tokens: Record<string, string> = {
  garbage: "garbage",
  gaaaa: `gAAAAAB${randomBytes(128).toString("base64url")}`,
  empty: "",
};

for (const [name, { project, ...claims }] of Object.entries(TOKENS)) {
  tokens[name] = await worker.token({ ...claims, project: project === null ? null : known(projects, project) });
}
await worker.revoke(known(tokens, "revoked"));
await registerFixtures();

const replayed = recording.filter((recorded) => !(recorded.case in LEFT_OUT));
const answers = new Map<string, Answer>();
for (const recorded of replayed) answers.set(recorded.case, await send(recorded));

for (const recorded of replayed) {
  const difference = DIFFERENCES.find(({ cases }) => cases.includes(recorded.case));
  const nova = inRecording(recorded);
  const name = `${recorded.case}: ${recorded.request.method} is answered`;
  if (difference === undefined) {
    test(`${name} ${recorded.status} as Nova does`, () => {
      assert.deepEqual(inAnswer(recorded), nova);
    });
    continue;
  }
  const expected = difference.instead(nova, recorded);
  test(`${name} ${expected.status}, Nova ${recorded.status}: ${difference.row}`, () => {
    assert.notDeepEqual(expected, nova, "this is no difference");
    assert.deepEqual(inAnswer(recorded), expected);
  });
}

test("all requests of the recording are sent, except those that need a real Keystone", () => {
  assert.equal(recording.length, 435);
  assert.equal(new Set(recording.map((recorded) => recorded.case)).size, 435, "each case has a name of its own");
  assert.equal(replayed.length, 433);
});

test("each difference and each omission names a request of the recording, once", () => {
  const named = [...DIFFERENCES.flatMap(({ cases }) => cases), ...Object.keys(LEFT_OUT)];
  assert.equal(new Set(named).size, named.length);
  for (const name of named)
    assert.ok(
      recording.some((recorded) => recorded.case === name),
      name,
    );
  for (const { row, cases } of DIFFERENCES) assert.ok(cases.length > 0, row);
});

test("expanded requests have their recorded Content-Length", () => {
  for (const { case: name, request } of replayed) {
    const announced = request.headers.find(([header]) => header === "Content-Length")?.[1];
    if (announced !== undefined) assert.equal(bytesOf(request.body ?? "").length, Number(announced), name);
  }
});

function known(names: Record<string, string>, name: string): string {
  const value = names[name];
  assert.ok(value !== undefined, `nothing is known of ${name}`);
  return value;
}

async function registerFixtures(): Promise<void> {
  const gone: string[] = [];
  for (const { id, project, locked_by, never_launched, destroyed, ...fields } of fixtures.servers) {
    const state = { locked: locked_by !== undefined, launched: never_launched !== true };
    await worker.putServer(id, { ...fields, ...state, project_id: known(projects, project) });
    if (destroyed) gone.push(`/registry/servers/${id}`);
  }
  for (const { id, name, project, visibility, status, properties, member, deleted } of fixtures.images) {
    await worker.putImage(id, {
      name,
      visibility,
      project_id: known(projects, project),
      status: status ?? "active",
      members: member === undefined ? [] : [known(projects, member)],
      metadata: properties,
    });
    if (deleted) gone.push(`/registry/images/${id}`);
  }
  for (const resource of gone) {
    const answer = await worker.request("DELETE", resource, { token: await worker.registrar() });
    assert.equal(answer.status, 204, answer.text);
  }
}

async function send({ request }: Recorded): Promise<Answer> {
  const { method, token, body } = request;
  const headers = filledIn(request.headers);
  return worker.request(method, filled(request.path), {
    headers,
    ...(token === null ? {} : { token: known(tokens, token) }),
    ...(body === undefined ? {} : { body: bytesOf(body) }),
    chunked: headers.some(([name]) => name === "Transfer-Encoding"),
  });
}

/** Replaces the recording's placeholders. */
function filled(text: string): string {
  return (
    text
      .replace(/\{(acme|other|admin|service)\}/g, (_, name: string) => known(projects, name))
      .replace(/\{token:(\w+)\}/g, (_, name: string) => known(tokens, name))
      // With embedded tokens the Worker's own origin stands for Keystone.
      .replace(/\{(base|keystone)\}/g, worker.url)
  );
}

function filledIn(headers: HeaderList): HeaderList {
  return headers.map(([name, value]) => [name, filled(value)]);
}

function inRecording(recorded: Recorded): Compared {
  const { "content-length": _, ...headers } = headersByName(filledIn(recorded.headers));
  const body = filled(recorded.body);
  const isJson = headers["content-type"]?.[0]?.startsWith("application/json") && body !== "";
  return { status: recorded.status, headers, body: isJson ? comparable(JSON.parse(body)) : body };
}

function inAnswer(recorded: Recorded): Compared {
  const answer = answers.get(recorded.case);
  assert.ok(answer);
  assertRequestId(answer);
  for (const [name, value] of Object.entries(ADDED_HERE)) assert.deepEqual(answer.headers.all(name), [value]);
  // White space in JSON differs, so Content-Length is compared with the actual length.
  const length = answer.status === 204 ? [] : [String(answer.bytes.length)];
  assert.deepEqual(answer.headers.all("Content-Length"), length);
  const added = [...Object.keys(ADDED_HERE), ...ADDED_BY_PLATFORM, "content-length"];
  const headers = headersByName(answer.headers.list.filter(([name]) => !added.includes(name.toLowerCase())));
  for (const name of REQUEST_IDS) headers[name] = ["req-{uuid}"];
  return { status: answer.status, headers, body: answer.text === "" ? "" : comparable(answer.json()) };
}

/** Removes the values that a message quotes from a body. */
function comparable(body: { badRequest?: { message?: unknown } }): unknown {
  const message: unknown = body.badRequest?.message;
  if (typeof message !== "string") return body;
  return { badRequest: { ...body.badRequest, message: withoutValues(message) } };
}
