// Step 11: bodies that are JSON but violate the schema, with the messages of N's JSON schemas.
//
// Messages quote values as Python writes them. Those are removed before messages are compared.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFaultHeaders, assertVersion } from "./answers.ts";
import { startWorker, type Answer } from "./harness.ts";
import { KINDS, WRITES, assertDocument, both, brief, make, type Operation } from "./operations.ts";
import { Project } from "./project.ts";
import { withoutValues } from "./recording.ts";

const worker = await startWorker();
after(() => worker.stop());

const REGEX = "'^[a-zA-Z0-9-_:. ]{1,255}$'";
const NO_OBJECT = "{} is not of type 'object'";

const wrong = (field: string, rule: string): string => `Invalid input for field/attribute ${field}. Value: {}. {} ${rule}`;
const noString = (field: string): string => wrong(field, "is not of type 'string'");
const tooLong = (field: string): string => wrong(field, "is too long");
const badKey = (wrapper: string): string => wrong(wrapper, `does not match any of the regexes: ${REGEX}`);
const badKeys = (wrapper: string): string => wrong(wrapper, `do not match any of the regexes: ${REGEX}`);
const unexpected = (names: string): string => `Additional properties are not allowed (${names} unexpected)`;

const k256 = "k".repeat(256);
const v256 = "v".repeat(256);

/** Bodies and their messages; `W` stands for `metadata` or `meta`. */
function rows(wrapper: string): [string, string][] {
  const other = wrapper === "meta" ? "metadata" : "meta";
  const notAnObject = wrong(wrapper, "is not of type 'object'");
  const common: [string, string][] = [
    // The body itself.
    ["", NO_OBJECT],
    ["null", NO_OBJECT],
    ["[]", NO_OBJECT],
    ["[1]", NO_OBJECT],
    ['[{"W": {"foo": "1"}}]', NO_OBJECT],
    ['"x"', NO_OBJECT],
    ['""', NO_OBJECT],
    ["1", NO_OBJECT],
    ["-1.5e3", NO_OBJECT],
    ["true", NO_OBJECT],
    ["false", NO_OBJECT],
    // Required members.
    ["{}", `'${wrapper}' is a required property`],
    ['{"x": 1}', `'${wrapper}' is a required property`],
    ['{"x": 1, "y": 2}', `'${wrapper}' is a required property`],
    [`{"${other}": {"foo": "1"}}`, `'${wrapper}' is a required property`],
    [`{"${wrapper.toUpperCase()}": {"foo": "1"}}`, `'${wrapper}' is a required property`],
    ['{"": {"foo": "1"}}', `'${wrapper}' is a required property`],
    // Unexpected members.
    ['{"W": {"foo": "1"}, "x": 1}', unexpected("'x' was")],
    ['{"W": {"foo": "1"}, "y": 1, "x": 1}', unexpected("'x', 'y' were")],
    [`{"W": {"foo": "1"}, "${other}": {}}`, unexpected(`'${other}' was`)],
    ['{"W": {"foo": "1"}, "it\'s": 1}', unexpected(`"it's" was`)],
    // The wrapper's type.
    ['{"W": null}', notAnObject],
    ['{"W": []}', notAnObject],
    ['{"W": ["foo"]}', notAnObject],
    ['{"W": "foo"}', notAnObject],
    ['{"W": ""}', notAnObject],
    ['{"W": 1}', notAnObject],
    ['{"W": true}', notAnObject],
    // Values.
    ['{"W": {"foo": 1}}', noString("foo")],
    ['{"W": {"foo": 0}}', noString("foo")],
    ['{"W": {"foo": -0.0}}', noString("foo")],
    ['{"W": {"foo": 1.5}}', noString("foo")],
    ['{"W": {"foo": 123456789012345678901234567890}}', noString("foo")],
    ['{"W": {"foo": true}}', noString("foo")],
    ['{"W": {"foo": null}}', noString("foo")],
    ['{"W": {"foo": []}}', noString("foo")],
    ['{"W": {"foo": ["a", {"b": null}]}}', noString("foo")],
    ['{"W": {"foo": {"a": "b"}}}', noString("foo")],
    ['{"W": {"foo": {}}}', noString("foo")],
    [`{"W": {"foo": "${v256}"}}`, tooLong("foo")],
    [`{"W": {"foo": "${"😀".repeat(256)}"}}`, tooLong("foo")],
    [`{"W": {"foo": "${"\\ud83d\\ude00".repeat(256)}"}}`, tooLong("foo")],
    [`{"W": {"foo": "${"e\u0301".repeat(128)}"}}`, tooLong("foo")],
    [`{"W": {"foo": "${"\\u0000".repeat(256)}"}}`, tooLong("foo")],
    // Keys.
    ['{"W": {"": "1"}}', badKey(wrapper)],
    ['{"W": {"a!": "1"}}', badKey(wrapper)],
    ['{"W": {"a/b": "1"}}', badKey(wrapper)],
    ['{"W": {"clé": "1"}}', badKey(wrapper)],
    ['{"W": {"\\u00e9": "1"}}', badKey(wrapper)],
    ['{"W": {"١": "1"}}', badKey(wrapper)],
    ['{"W": {"foo\\n": "1"}}', badKey(wrapper)],
    ['{"W": {"\\nfoo": "1"}}', badKey(wrapper)],
    ['{"W": {"foo\\nbar": "1"}}', badKey(wrapper)],
    ['{"W": {"a\\tb": "1"}}', badKey(wrapper)],
    ['{"W": {"foo\\u0000": "1"}}', badKey(wrapper)],
    ['{"W": {"a\\u00a0b": "1"}}', badKey(wrapper)],
    ['{"W": {"it\'s": "1"}}', badKey(wrapper)],
    ['{"W": {"a\\\\b": "1"}}', badKey(wrapper)],
    ['{"W": {"a+b": "1"}}', badKey(wrapper)],
    ['{"W": {"100%": "1"}}', badKey(wrapper)],
    [`{"W": {"${k256}": "1"}}`, badKey(wrapper)],
    ['{"W": {"b!": "1", "a!": "1"}}', badKeys(wrapper)],
    [`{"W": {"": "1", "a!": "1", "${k256}": "1"}}`, badKeys(wrapper)],
    // Of two violations, the one that is reported.
    ['{"W": {"a!": 1}}', badKey(wrapper)],
    ['{"W": {"a!": 1, "b": 2}}', noString("b")],
    [`{"W": {"a!": "1", "b": "${v256}"}}`, tooLong("b")],
    ['{"W": {"b": 1, "a": 2}}', noString("b")],
    [`{"W": {"b": "${v256}", "a": 2}}`, tooLong("b")],
    ['{"W": {"b": null, "a!": "1", "a": 2}}', noString("b")],
    ['{"W": {"foo": 1}, "x": 1}', noString("foo")],
    ['{"x": 1, "W": {"a!": "1"}}', badKey(wrapper)],
    ['{"x": 1, "W": null}', notAnObject],
  ];
  const ofOneItem: [string, string][] = [
    ['{"W": {}}', wrong(wrapper, "should be non-empty")],
    ['{"W": {"foo": "1", "b": "2"}}', wrong(wrapper, "has too many properties")],
    ['{"W": {"foo": "1", "b": "2", "c": "3"}}', wrong(wrapper, "has too many properties")],
    ['{"W": {"foo": "1", "b!": "2"}}', badKey(wrapper)],
    ['{"W": {"foo": "1", "b": 2}}', noString("b")],
    ['{"W": {}, "x": 1}', wrong(wrapper, "should be non-empty")],
    ['{"W": {"foo": "1", "b": "2"}, "x": 1}', wrong(wrapper, "has too many properties")],
  ];
  const all = wrapper === "meta" ? [...common, ...ofOneItem] : common;
  return all.map(([body, message]) => [body.replace('"W"', `"${wrapper}"`), message]);
}

function assertSchema(answer: Answer, message: string): void {
  assert.equal(answer.status, 400, answer.text);
  const { badRequest } = answer.json();
  assert.equal(withoutValues(badRequest.message), message);
  assert.deepEqual(answer.json(), { badRequest: { message: badRequest.message, code: 400 } });
  assertFaultHeaders(answer);
  assertVersion(answer, "2.1");
}

// The three writes; PUT of one item has the key that the bodies name.
const operations: [Operation, string][] = WRITES.map((operation) =>
  operation.path === "metadata" ? [operation, "metadata"] : [{ ...operation, path: "metadata/foo" }, "meta"],
);

for (const kind of KINDS) {
  for (const [{ name, method, path }, wrapper] of operations) {
    // Shared by all bodies, because none of them changes it.
    const owner = new Project(worker);
    const unchanged = await make(owner, kind);

    for (const [body, message] of rows(wrapper)) {
      test(`${kind}, ${name}, ${brief(body) || "no body"}: ${message.slice(0, 80)}`, async () => {
        const headers = { "Content-Type": "application/json" };
        const resource = `/v2.1/${owner.id}/${kind}/${unchanged}`;
        const token = await owner.as("member");
        assertSchema(await worker.request(method, `${resource}/${path}`, { token, headers, body }), message);
        assert.deepEqual(await worker.metadata(kind, unchanged), both);
      });
    }

    test(`${kind}, ${name}: values of 0 to 255 code points`, async () => {
      const project = new Project(worker);
      const id = await make(project, kind);
      const token = await project.as("member");
      const longest = ["v", "😀", "\u0000"].map((character) => character.repeat(255));
      for (const value of ["", " ", ...longest, '"\\/\b\f\n\r\t', "\u2028\uffff"]) {
        const body = { [wrapper]: { foo: value } };
        const answer = await worker.request(method, `/v2.1/${kind}/${id}/${path}`, { token, body });
        const items = wrapper === "meta" || method === "PUT" ? { foo: value } : { ...both, foo: value };
        assertDocument(answer, { [wrapper]: items });
      }
    });

    test(`${kind}, ${name}: keys of 1 to 255 of the allowed characters`, async () => {
      const project = new Project(worker);
      const id = await make(project, kind, { metadata: {} });
      const token = await project.as("member");
      const letters = "abcdefghijklmnopqrstuvwxyz";
      const every = `${letters}${letters.toUpperCase()}0123456789-_:. `;
      for (const key of [every, "a", "0", " ", "-", ":", "k".repeat(255)]) {
        const below = path === "metadata" ? path : `metadata/${encodeURIComponent(key)}`;
        const body = { [wrapper]: { [key]: "v" } };
        const answer = await worker.request(method, `/v2.1/${kind}/${id}/${below}`, { token, body });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(answer.json()[wrapper][key], "v");
      }
    });
  }
}

test("quoted bodies are written as Python writes them", async () => {
  const project = new Project(worker);
  const path = `/v2.1/servers/${await project.server()}/metadata/foo`;
  const token = await project.as("member");
  for (const [body, quoted] of [
    ["true", "True"],
    ["false", "False"],
    ["null", "None"],
    ["1", "1"],
    ["1.5", "1.5"],
    ['["a", null]', "['a', None]"],
    ['{"a": {"b": "c"}}', "{'a': {'b': 'c'}}"],
    [`["it's"]`, `["it's"]`],
  ]) {
    const headers = { "Content-Type": "application/json" };
    const answer = await worker.request("PUT", path, { token, headers, body: `{"meta": {"foo": ${body}}}` });
    const message = `Invalid input for field/attribute foo. Value: ${quoted}. ${quoted} is not of type 'string'`;
    assert.equal(answer.json().badRequest.message, message);
  }
});
