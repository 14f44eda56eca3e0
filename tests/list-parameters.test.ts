// The contract's table of list parameters: a list never answers more than it was asked for, and says so when it cannot.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { assertFault } from "./answers.ts";
import { projectId, resourceId, startWorker, type Answer } from "./harness.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const own = new Project(worker);
const other = new Project(worker);
const ids: Record<string, string> = {};
const PICTURE = `picture-${projectId()}`;
/** Between the two registrations of `late`, which no other server was registered after. */
let between = "";

before(async () => {
  // The states as the control plane names them, by the servers' names.
  for (const [name, fields] of Object.entries({
    "web-1": {},
    "web-10": { vm_state: "stopped", power_state: 4 },
    "my-web-1": { vm_state: "error" },
    "1st": { vm_state: "active", task_state: "rebooting" },
    "a.b": { vm_state: "stopped", task_state: "rebuilding" },
    "Größe (1)": { vm_state: "paused", power_state: 3, locked: true },
    binned: { vm_state: "soft-delete" },
    gone: { vm_state: "deleted" },
    late: { vm_state: "building" },
  })) {
    ids[name] = await own.server({ name, ...fields });
  }
  ids["foreign"] = await other.server({ name: "foreign" });
  for (const [name, fields] of Object.entries({
    [PICTURE]: {},
    [`${PICTURE}-queued`]: { status: "queued" },
    [`${PICTURE}-off`]: { status: "deactivated" },
    [`${PICTURE}-gone`]: { status: "deleted" },
    [`${PICTURE}-killed`]: { status: "killed" },
    [`${PICTURE}-pending`]: { status: "pending_delete" },
  })) {
    ids[name] = await own.image({ name, ...fields });
  }
  const complete = async (project: Project, kind: string, count: number): Promise<boolean> => {
    const answer = await ask(project, `/registry/${kind}?project_id=${project.id}`, "admin");
    return answer.json()[kind].length === count;
  };
  for (const patience = Date.now() + 60_000; ; await sleep(50)) {
    const all = [complete(own, "servers", 9), complete(other, "servers", 1), complete(own, "images", 6)];
    if ((await Promise.all(all)).every(Boolean)) break;
    assert.ok(Date.now() < patience, "the lists do not know all resources after 60 seconds");
  }
  // Times in answers are whole seconds, and so are those that clients send back.
  await sleep(1_100);
  between = new Date().toISOString().replace(/\.\d+Z/, "Z");
  await sleep(1_100);
  await worker.putServer(ids["late"] ?? "", { power_state: 0 });
});

async function ask(project: Project, path: string, role: string, version?: string): Promise<Answer> {
  const headers = version === undefined ? {} : { "OpenStack-API-Version": `compute ${version}` };
  return worker.request("GET", path, { token: await project.as(role), headers });
}

/** Pictures are found among everybody's public ones: names tell which are this file's. */
function namesIn(answer: Answer, kind: "servers" | "images"): string[] {
  assert.equal(answer.status, 200, answer.text);
  const names = answer.json()[kind].map(({ name }: { name: string }) => name);
  return names.map((name: string) => name.replace(PICTURE, "picture")).toSorted();
}

const ALL = ["1st", "Größe (1)", "a.b", "late", "my-web-1", "web-1", "web-10"];
/** N: changes include servers that are soft-deleted, for everyone. */
const CHANGED = [...ALL, "binned"].toSorted();

interface Row {
  query: string;
  found: readonly string[];
  version?: string;
  role?: string;
}

const SERVERS: Row[] = [
  { query: "", found: ALL },
  // A regular expression, found anywhere.
  { query: "name=web-1", found: ["my-web-1", "web-1", "web-10"] },
  { query: "name=^(web-)?1", found: ["1st", "web-1", "web-10"] },
  { query: "name=%5Eweb-1%24", found: ["web-1"] },
  { query: "name=1$", found: ["my-web-1", "web-1"] },
  { query: "name=(web|late)", found: ["late", "my-web-1", "web-1", "web-10"] },
  { query: "name=a.b", found: ["a.b"] },
  { query: "name=a\\.b", found: ["a.b"] },
  { query: "name=%5C(1%5C)", found: ["Größe (1)"] },
  { query: "name=Gr%C3%B6%C3%9Fe", found: ["Größe (1)"] },
  { query: "name=WEB", found: [] },
  { query: "name=", found: ALL },
  { query: "name=web&name=late", found: ["late"] },
  // By status, in any case, of which one is enough.
  { query: "status=ERROR", found: ["my-web-1"] },
  { query: "status=error", found: ["my-web-1"] },
  { query: "status=ACTIVE", found: ["1st", "web-1"] },
  { query: "status=SHUTOFF", found: ["a.b", "web-10"] },
  { query: "status=REBOOT", found: ["1st"] },
  { query: "status=REBUILD", found: ["a.b"] },
  { query: "status=BUILD", found: ["late"] },
  { query: "status=ERROR&status=PAUSED", found: ["Größe (1)", "my-web-1"] },
  { query: "status=ERROR&name=web-1$", found: ["my-web-1"] },
  { query: "status=NO_SUCH_STATUS", found: [] },
  { query: "status=", found: [] },
  // By uuid.
  { query: "uuid={web-1}", found: ["web-1"] },
  { query: "uuid={web-1}&name=late", found: [] },
  { query: "uuid={web-1}&limit=1&marker={web-1}", found: [] },
  { query: "uuid={foreign}", found: [] },
  { query: "uuid={gone}", found: [] },
  { query: "uuid={binned}", found: [] },
  { query: "status=SOFT_DELETED", found: [] },
  { query: "uuid=nothing", found: [] },
  // By when they changed.
  { query: "changes-since={between}", found: ["late"] },
  { query: "changes-since=2026-01-01", found: CHANGED },
  { query: "changes-since=2026-01-01&status=SOFT_DELETED", found: ["binned"] },
  { query: "changes-since=2026-01-01&uuid={binned}", found: ["binned"] },
  { query: "changes-since=2026-01-01&uuid={gone}", found: [] },
  { query: "changes-since=2026-01-01&deleted=False", found: CHANGED },
  { query: "changes-since=2026-01-01&deleted=False", role: "admin", found: ALL },
  { query: "changes-since=2099-01-01T00:00:00Z", found: [] },
  { query: "changes-before={between}", version: "2.66", found: CHANGED.filter((name) => name !== "late") },
  {
    query: "changes-since=2026-01-01&changes-before={between}",
    version: "2.66",
    found: CHANGED.filter((name) => name !== "late"),
  },
  // N: not known before 2.66.
  { query: "changes-before={between}", version: "2.65", found: ALL },
  // N: accepted from admins, and from everyone from 2.83 on.
  { query: "vm_state=stopped", found: ALL },
  { query: "vm_state=stopped", role: "admin", found: ["a.b", "web-10"] },
  { query: "vm_state=stopped", version: "2.83", found: ["a.b", "web-10"] },
  { query: "task_state=rebooting", version: "2.83", found: ["1st"] },
  { query: "power_state=4", version: "2.83", found: ["web-10"] },
  { query: "locked=true", version: "2.73", found: ["Größe (1)"] },
  { query: "locked=false", version: "2.73", found: ALL.filter((name) => name !== "Größe (1)") },
  // Empty ones count as absent.
  { query: "limit=&marker=", found: ALL },
  { query: "limit=&name=late", found: ["late"] },
  // Neutral values, and what clients send by default.
  { query: "deleted=False", found: ALL },
  { query: "deleted=False", role: "admin", found: ALL },
  { query: "all_tenants=0", found: ALL },
  { query: "all_tenants=False&project_id={other}", role: "admin", found: ALL },
  { query: "sort_key=created_at&sort_dir=desc", found: ALL },
  { query: "ip=&flavor=&image_name=", found: ALL },
  // N ignores what it does not know, before 2.75, and what it hears from admins alone.
  { query: "no_such_parameter=1", version: "2.74", found: ALL },
  { query: "host=compute-1", found: ALL },
  { query: "deleted=True", found: ALL },
  { query: "project_id={other}", found: ALL },
  { query: "tenant_id={other}", role: "admin", found: ALL },
  { query: "tags=a", version: "2.25", found: ALL },
  { query: "sort_key=id&sort_dir=asc", found: ALL },
  // Another project's list, by an admin.
  { query: "all_tenants=1&project_id={other}", role: "admin", found: ["foreign"] },
  { query: "all_tenants=True&tenant_id={other}", role: "admin", found: ["foreign"] },
  { query: "all_tenants&project_id={other}", role: "admin", found: ["foreign"] },
  { query: "all_tenants=1&project_id={other}&name=web", role: "admin", found: [] },
  { query: "all_tenants=1&project_id={own}", role: "admin", found: ALL },
  { query: "all_tenants=1&project_id=public", role: "admin", found: [] },
];

function filledIn(query: string): string {
  return query
    .replaceAll("{own}", own.id)
    .replaceAll("{other}", other.id)
    .replaceAll("{between}", between)
    .replace(/\{(.+?)\}/g, (_, name: string) => ids[name] ?? assert.fail(name));
}

function how({ query, version, role }: { query: string; version?: string; role?: string }): string {
  return `?${query}${version === undefined ? "" : ` at ${version}`}${role === undefined ? "" : `, asked by an ${role}`}`;
}

for (const row of SERVERS) {
  const { query, found, version, role = "member" } = row;
  test(`servers${how(row)}: ${found.length === ALL.length ? "all of them" : found.join(", ") || "none"}`, async () => {
    for (const path of ["/v2.1/servers", "/v2.1/servers/detail"]) {
      const answer = await ask(own, `${path}?${filledIn(query)}`, role, version);
      assert.deepEqual(namesIn(answer, "servers"), found, path);
    }
  });
}

const PICTURES = ["picture", "picture-off", "picture-queued"];

for (const row of [
  // Exactly that name.
  { query: `name=${PICTURE}`, found: ["picture"] },
  { query: `name=${PICTURE}-queued`, found: ["picture-queued"] },
  { query: `name=${PICTURE}-`, found: [] },
  { query: `name=^${PICTURE}$`, found: [] },
  { query: `name=${PICTURE}-gone`, found: [] },
  { query: `name=${PICTURE}-killed`, found: [] },
  { query: `name=${PICTURE}-pending`, found: [] },
  { query: "", found: PICTURES },
  { query: "limit=&marker=", found: PICTURES },
  { query: "status=ACTIVE", found: ["picture"] },
  { query: "status=queued", found: ["picture-queued"] },
  { query: "status=NO_SUCH_STATUS", found: [] },
  { query: "changes-since=2026-01-01", found: PICTURES },
  { query: "changes-since=2099-01-01T00:00:00Z", found: [] },
  // Glance does not know these.
  { query: "all_tenants=1", found: PICTURES },
  { query: "no_such_parameter=1", found: PICTURES },
  { query: "minRam=0&minDisk=0", found: PICTURES },
  { query: "sort_key=name&sort_dir=asc", found: PICTURES },
] as Row[]) {
  test(`images${how(row).replaceAll(PICTURE, "picture")}: ${row.found.join(", ") || "none"}`, async () => {
    for (const path of ["/v2.1/images", "/v2.1/images/detail"]) {
      const answer = await ask(own, `${path}?${row.query}`, "member");
      assert.deepEqual(
        namesIn(answer, "images").filter((name) => name.startsWith("picture")),
        row.found,
        path,
      );
    }
  });
}

/** A parameter that cannot be answered, with the value `x` unless another one is written. */
const UNSUPPORTED: Row[] = [
  ...["ip", "flavor", "image", "reservation_id"].map((query) => ({ query, found: [] })),
  ...["tags", "tags-any", "not-tags", "not-tags-any"].map((query) => ({ query, version: "2.26", found: [] })),
  { query: "ip6", version: "2.5", found: [] },
  ...["availability_zone", "config_drive", "key_name", "created_at", "launched_at", "progress", "user_id"].map((query) => ({
    query,
    version: "2.83",
    found: [],
  })),
  { query: "hostname", version: "2.90", found: [] },
  ...["host", "node", "deleted=True", "soft_deleted=1", "locked_by", "description", "status=DELETED"].map((query) => ({
    query,
    role: "admin",
    found: [],
  })),
  { query: "sort_key=display_name", found: [] },
  { query: "sort_key=created_at&sort_dir=asc", found: [] },
  { query: "sort_dir=asc", found: [] },
];

for (const row of UNSUPPORTED) {
  const { query, version, role = "member" } = row;
  test(`servers${how(row)}: 400 that names the parameter, because the edge cannot know it`, async () => {
    const name = query.includes("sort_dir=asc") ? "sort_dir" : (query.split("=")[0] ?? "");
    const answer = await ask(own, `/v2.1/servers?${query.includes("=") ? query : `${query}=x`}`, role, version);
    assertFault(answer, 400, "badRequest", `The query parameter '${name}' is not supported.`);
  });
}

for (const name of ["server", "type", "minRam", "minDisk", "property-os_type"]) {
  test(`images?${name}: 400 that names the parameter, because the edge cannot know it`, async () => {
    const answer = await ask(own, `/v2.1/images?${name}=5`, "member");
    assertFault(answer, 400, "badRequest", `The query parameter '${name}' is not supported.`);
  });
}

test("servers?all_tenants without a project: 400 for an admin says that a project must be named", async () => {
  for (const query of ["all_tenants=1", "all_tenants", "all_tenants=1&project_id=", "all_tenants=1&name=web"]) {
    const answer = await ask(own, `/v2.1/servers?${query}`, "admin");
    const message = "Lists of all projects are not supported: name a project with 'project_id'.";
    assertFault(answer, 400, "badRequest", message);
  }
});

test("servers?all_tenants: 403 for those who are no admins, as N", async () => {
  for (const role of ["reader", "member", "manager"]) {
    for (const [path, right] of [
      ["/v2.1/servers", "index"],
      ["/v2.1/servers/detail", "detail"],
    ]) {
      const answer = await ask(own, `${path}?all_tenants=1&project_id=${other.id}`, role);
      const message = `Policy doesn't allow os_compute_api:servers:${right}:get_all_tenants to be performed.`;
      assertFault(answer, 403, "forbidden", message);
    }
  }
});

test("servers?status=DELETED: 403 for those who are no admins, as N", async () => {
  const answer = await ask(own, "/v2.1/servers?status=DELETED", "member");
  assertFault(answer, 403, "forbidden", "Only administrators may list deleted instances");
});

for (const [query, problem] of [
  ["name=(", "Value: (. '(' is not a 'regex'"],
  ["name=[", "Value: [. '[' is not a 'regex'"],
  ["name=*", "Value: *. '*' is not a 'regex'"],
  ["limit=-1", "Value: -1. '-1' does not match '^[0-9]*$'"],
  ["limit=1.5", "Value: 1.5. '1.5' does not match '^[0-9]*$'"],
  ["changes-since=yesterday", "Value: yesterday. 'yesterday' is not a 'date-time'"],
  ["changes-since=", "Value: . '' is not a 'date-time'"],
] as const) {
  test(`servers?${query}: 400 as N`, async () => {
    const answer = await ask(own, `/v2.1/servers?${query}`, "member");
    const name = query.split("=")[0];
    assertFault(answer, 400, "badRequest", `Invalid input for query parameters ${name}. ${problem}`);
  });
}

test("servers?locked=maybe: 400 as N from 2.73 on", async () => {
  const token = await own.as("member");
  const headers = { "OpenStack-API-Version": "compute 2.73" };
  const answer = await worker.request("GET", "/v2.1/servers?locked=maybe", { token, headers });
  assert.equal(answer.status, 400);
  assert.match(answer.json().badRequest.message, /^Unrecognized value 'maybe', acceptable values are: '0', '1', /);
});

test("servers?metadata: 400 to an admin as N, and ignored from others", async () => {
  assertFault(await ask(own, "/v2.1/servers?metadata=x", "admin"), 400, "badRequest", "Invalid filter field: metadata.");
  assert.equal((await ask(own, "/v2.1/servers?metadata=x", "member")).status, 200);
});

test("servers?name: a pattern may have 255 characters, and none takes long", async () => {
  assert.equal((await ask(own, `/v2.1/servers?name=${"a".repeat(255)}`, "member")).status, 200);
  assert.equal((await ask(own, `/v2.1/servers?name=${"a".repeat(256)}`, "member")).status, 400);
  // What takes an engine that goes back exponential time, on a name that it was made for.
  const hostile = await own.server({ name: "a".repeat(255) });
  const answer = await ask(own, `/v2.1/servers?name=${encodeURIComponent(`^(a|aa|a?)+${"(a*)*".repeat(20)}b$`)}`, "member");
  assert.ok([200, 400].includes(answer.status), answer.text);
  assert.ok(!answer.text.includes(hostile));
  assert.ok(answer.milliseconds < 5_000, `${answer.milliseconds} ms`);
});

test("servers: unknown parameters are 400 from 2.75 on, as N", async () => {
  const answer = await ask(own, "/v2.1/servers?no_such_parameter=1", "member", "2.75");
  assertFault(answer, 400, "badRequest", "Additional properties are not allowed ('no_such_parameter' was unexpected)");
});

test("servers: changes-since after changes-before is 400, as N", async () => {
  const query = "changes-since=2026-02-01&changes-before=2026-01-01";
  const answer = await ask(own, `/v2.1/servers?${query}`, "member", "2.66");
  const message = "The value of changes-since must be less than or equal to changes-before.";
  assertFault(answer, 400, "badRequest", message);
});

test("a marker of another project's server, of one that is gone and of none is 400", async () => {
  for (const marker of [ids["foreign"], ids["gone"], resourceId(), "nothing"]) {
    const answer = await ask(own, `/v2.1/servers?marker=${marker}`, "member");
    assertFault(answer, 400, "badRequest", `marker [${marker}] not found`);
    const one = await ask(own, `/v2.1/servers?uuid=${ids["web-1"]}&marker=${marker}`, "member");
    assertFault(one, 400, "badRequest", `marker [${marker}] not found`);
  }
});
