// For any sequence of operations on a resource the Worker agrees with a model.
//
// Sequences are generated from a seed; a failure prints it with the shortest sequence that still fails.
// MODEL_SEED=… runs that seed again; MODEL_SEQUENCES=… runs more of them.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { startWorker, type Answer, type Fields } from "./harness.ts";
import { KINDS, make, type Kind } from "./operations.ts";
import { Project } from "./project.ts";

const SEED = Number(process.env["MODEL_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
const SEQUENCES = Number(process.env["MODEL_SEQUENCES"] ?? 25);
const STEPS = 40;
/** Small, so that sequences reach the quota. */
const ITEM_LIMIT = 4;

const worker = await startWorker({ vars: { METADATA_ITEMS: String(ITEM_LIMIT) } });
after(() => worker.stop());

type Items = Record<string, string>;
type Role = "reader" | "member" | "admin";

/** One operation on the resource. */
type Step =
  | { does: "list" | "head" | "restart" }
  | { does: "show" | "delete"; key: string; as: Role }
  | { does: "merge" | "replace"; items: Items; as: Role }
  | { does: "put"; key: string; items: Items; as: Role }
  | { does: "register"; fields: Fields };

/** The expected state of the resource. */
interface Model {
  items: Items;
  locked: boolean;
  /** `vm_state` of a server, `status` of an image. */
  state: string;
  task: string | null;
}

/** The expected answer, with a body where it contains items. */
interface Expected {
  status: number;
  body?: object;
}

// Keys that a database, a collation, a router or an object literal might confuse, and two that only the registry
// can create.
const KEYS = ["a", "A", "a ", " a", "a.b", "key", "..", "constructor"];
const ODD_KEYS = ["a/b", "clé"];
const VALUES = ["", "1", "2", "a\u0000b", "😀", "v".repeat(255)];
const BAD_VALUE = "v".repeat(256);
const WRITABLE = { servers: ["active", "paused", "suspended", "stopped"], images: ["active", "deactivated"] };
const BLOCKED = { servers: ["error", "building"], images: ["queued", "saving"] };

/** Numbers from a seed (mulberry32), each from 0 to below 1. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function sequence(kind: Kind, seed: number): Step[] {
  const next = random(seed);
  const one = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)] as T;
  const sometimes = (share: number): boolean => next() < share;
  const items = (keys: readonly string[], most: number): Items =>
    Object.fromEntries(Array.from({ length: Math.floor(next() * (most + 1)) }, () => [one(keys), one(VALUES)]));
  const role = (): Role => (sometimes(0.1) ? "reader" : sometimes(0.2) ? "admin" : "member");

  const step = (): Step => {
    const chance = next();
    // `.` and `..` cannot be addressed one by one.
    const key = one([...KEYS.filter((name) => name !== ".."), ...ODD_KEYS]);
    if (chance < 0.1) return { does: sometimes(0.5) ? "list" : "head" };
    if (chance < 0.2) return { does: "show", key, as: role() };
    if (chance < 0.4) return { does: "delete", key, as: role() };
    if (chance < 0.6) {
      const written = sometimes(0.1) ? { ...items(KEYS, 2), bad: BAD_VALUE } : items(KEYS, ITEM_LIMIT);
      return { does: "merge", items: written, as: role() };
    }
    if (chance < 0.68) return { does: "replace", items: items(KEYS, ITEM_LIMIT + 2), as: role() };
    if (chance < 0.88) {
      return { does: "put", key, items: { [sometimes(0.1) ? "other" : key]: one([...VALUES, BAD_VALUE]) }, as: role() };
    }
    if (chance < 0.93) return { does: "register", fields: { metadata: items([...KEYS, ...ODD_KEYS], ITEM_LIMIT) } };
    const state = one(sometimes(0.7) ? WRITABLE[kind] : BLOCKED[kind]);
    if (kind === "images") return { does: "register", fields: { status: state } };
    const task = sometimes(0.2) ? "rebooting" : null;
    return { does: "register", fields: { vm_state: state, task_state: task, locked: sometimes(0.2) } };
  };
  return Array.from({ length: STEPS }, step);
}

/** Applies a step to the model and returns the expected answer. */
function expect(kind: Kind, model: Model, step: Step): Expected {
  switch (step.does) {
    case "list":
    case "head":
      return { status: 200, body: { metadata: model.items } };
    case "restart":
      return { status: 200 };
    case "show":
      if (!Object.hasOwn(model.items, step.key)) return { status: 404 };
      return { status: 200, body: { meta: { [step.key]: model.items[step.key] } } };
    case "register": {
      const { metadata, locked, vm_state, status, task_state } = step.fields;
      if (metadata !== undefined) model.items = metadata as Items;
      if (locked !== undefined) model.locked = locked as boolean;
      model.state = ((vm_state ?? status) as string | undefined) ?? model.state;
      if (task_state !== undefined) model.task = task_state as string | null;
      return { status: 200, body: model.items };
    }
    case "delete":
      return change(kind, model, step, () => {
        const { [step.key]: _, ...left } = model.items;
        return { items: left, answer: { status: 204 } };
      });
    case "merge":
      return change(kind, model, step, () => {
        const items = { ...model.items, ...step.items };
        return { items, answer: { status: 200, body: { metadata: items } } };
      });
    case "replace":
      return change(kind, model, step, () => {
        return { items: step.items, answer: { status: 200, body: { metadata: step.items } } };
      });
    case "put":
      return change(kind, model, step, () => {
        return { items: { ...model.items, ...step.items }, answer: { status: 200, body: { meta: step.items } } };
      });
  }
}

type Change = Extract<Step, { as: Role }>;

/** The part of the contract's order of checks that these steps reach. */
function change(kind: Kind, model: Model, step: Change, done: () => { items: Items; answer: Expected }): Expected {
  const forbidden = step.as === "reader";
  const missing = step.does === "delete" && !Object.hasOwn(model.items, step.key);
  const mismatch = step.does === "put" && !Object.hasOwn(step.items, step.key);
  const written = "items" in step ? Object.entries(step.items) : [];
  const refused = written.some(([key, value]) => value === BAD_VALUE || ODD_KEYS.includes(key));
  const blocked = (model.locked && step.as !== "admin") || BLOCKED[kind].includes(model.state) || model.task !== null;
  const { items, answer } = done();
  const over = step.does !== "delete" && Object.keys(items).length > ITEM_LIMIT;
  const inOrder: [boolean, number][] =
    kind === "servers"
      ? [
          [refused, 400],
          [forbidden, 403],
          [mismatch, 400],
          [missing, 404],
          [blocked, 409],
          [over, 403],
        ]
      : [
          [refused || mismatch, 400],
          [missing, 404],
          [forbidden, 403],
          [blocked, 409],
          [over, 403],
        ];
  const fault = inOrder.find(([fails]) => fails);
  if (fault !== undefined) return { status: fault[1] };
  model.items = items;
  return answer;
}

async function carryOut(project: Project, kind: Kind, id: string, step: Step): Promise<Answer | null> {
  const resource = `/v2.1/${kind}/${id}/metadata`;
  const send = async (method: string, as: Role, below: string, body?: object): Promise<Answer> =>
    worker.request(method, resource + below, { token: await project.as(as), ...(body && { body }) });
  switch (step.does) {
    case "restart":
      await worker.restart();
      return null;
    case "list":
      return send("GET", "member", "");
    case "head":
      return send("HEAD", "member", "");
    case "show":
      return send("GET", step.as, `/${encodeURIComponent(step.key)}`);
    case "delete":
      return send("DELETE", step.as, `/${encodeURIComponent(step.key)}`);
    case "merge":
      return send("POST", step.as, "", { metadata: step.items });
    case "replace":
      return send("PUT", step.as, "", { metadata: step.items });
    case "put":
      return send("PUT", step.as, `/${encodeURIComponent(step.key)}`, { meta: step.items });
    case "register": {
      const wrapper = kind === "servers" ? "server" : "image";
      const token = await worker.registrar();
      return worker.request("PUT", `/registry/${kind}/${id}`, { token, body: { [wrapper]: step.fields } });
    }
  }
}

/** Runs a sequence on a new resource; returns the first disagreement, or null. */
async function disagreement(kind: Kind, steps: Step[]): Promise<string | null> {
  const project = new Project(worker);
  const model: Model = { items: {}, locked: false, state: "active", task: null };
  const id = await make(project, kind, { metadata: {} });
  for (const [at, step] of steps.entries()) {
    const expected = expect(kind, model, step);
    const answer = await carryOut(project, kind, id, step);
    try {
      if (answer !== null) assertAgrees(answer, expected, step);
      assert.deepEqual(await worker.metadata(kind, id), model.items, "what is there afterwards");
    } catch (error) {
      return `step ${at + 1}: ${(error as Error).message}`;
    }
  }
  return null;
}

function assertAgrees(answer: Answer, expected: Expected, step: Step): void {
  assert.equal(answer.status, expected.status, answer.text);
  if (expected.body === undefined) return;
  if (step.does === "head") assert.equal(answer.text, "");
  else if (step.does === "register")
    assert.deepEqual(Object.values<{ metadata: unknown }>(answer.json())[0]?.metadata, expected.body);
  else assert.deepEqual(answer.json(), expected.body);
}

/** Shrinks a failing sequence by removing runs of steps, longer ones first. */
async function shrunk(kind: Kind, failing: Step[]): Promise<Step[]> {
  let steps = failing;
  for (let run = steps.length >> 1; run >= 1; run >>= 1) {
    for (let at = 0; at < steps.length; ) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + run)];
      if ((await disagreement(kind, fewer)) === null) at += run;
      else steps = fewer;
    }
  }
  return steps;
}

for (const kind of KINDS) {
  test(`${kind}: the Worker agrees with the model on random sequences of operations`, async () => {
    for (let count = 0; count < SEQUENCES; count += 1) {
      const seed = (SEED + count) >>> 0;
      const steps = sequence(kind, seed);
      if ((await disagreement(kind, steps)) === null) continue;
      const shortest = await shrunk(kind, steps);
      const shown = shortest.map((step, at) => `  ${at + 1}. ${JSON.stringify(step)}`).join("\n");
      assert.fail(`MODEL_SEED=${seed} ${kind}\n${shown}\n${await disagreement(kind, shortest)}`);
    }
  });

  test(`${kind}: the Worker agrees with the model across restarts`, async () => {
    const steps = sequence(kind, SEED);
    const restarted = steps.flatMap((step, at): Step[] => (at % 10 === 9 ? [step, { does: "restart" }] : [step]));
    assert.equal(await disagreement(kind, restarted), null, `MODEL_SEED=${SEED} ${kind}, a restart after each 10th step`);
  });
}

test("the sequences reach every answer of the model", () => {
  // An answer that never occurs is not tested.
  for (const kind of KINDS) {
    const met = new Set<string>();
    for (let seed = 0; seed < 200; seed += 1) {
      const model: Model = { items: {}, locked: false, state: "active", task: null };
      for (const step of sequence(kind, seed)) met.add(`${step.does} ${expect(kind, model, step).status}`);
    }
    for (const answer of [
      ...["list 200", "head 200", "show 200", "show 404", "register 200"],
      ...["delete 204", "delete 403", "delete 404", "delete 409"],
      ...["merge 200", "merge 400", "merge 403", "merge 409"],
      ...["replace 200", "replace 403", "replace 409"],
      ...["put 200", "put 400", "put 403", "put 409"],
    ]) {
      assert.ok(met.has(answer), `${kind}: ${answer}`);
    }
  }
});
