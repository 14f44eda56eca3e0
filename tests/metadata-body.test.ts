// Steps 2, 6 and 7 for the operations with a body: its size, content type and JSON.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { assertFault, assertTooLarge, assertVersion } from "./answers.ts";
import { startWorker, type RequestOptions } from "./harness.ts";
import { KINDS, WRITES, assertDocument, both, make, perform, type Kind, type Operation } from "./operations.ts";
import { Project } from "./project.ts";

const worker = await startWorker();
after(() => worker.stop());

const LIMIT = 114_688;
const json = { "Content-Type": "application/json" };

/** Sends a body to a new resource and returns the answer with the items afterwards. */
async function send(kind: Kind, operation: Operation, options: RequestOptions) {
  const project = new Project(worker);
  return sendTo(project, await make(project, kind), kind, operation, options);
}

async function sendTo(project: Project, id: string, kind: Kind, { method, path }: Operation, options: RequestOptions) {
  const token = await project.as("member");
  const answer = await worker.request(method, `/v2.1/${project.id}/${kind}/${id}/${path}`, { token, ...options });
  return { answer, left: await worker.metadata(kind, id) };
}

/** The operation's body as literal text. */
function text(operation: Operation): string {
  return JSON.stringify(operation.body);
}

const lone = (half: string): string => `{"metadata": {"key1": "${half}"}, "meta": {"key1": "${half}"}}`;
const deep = 25_000;

const NOT_JSON: [string, string | Uint8Array][] = [
  ["broken off", '{"metadata": {"key1": "1"'],
  ["a word", "{bad"],
  ["white space alone", " \n"],
  ["a comma too many", '{"metadata": {"key1": "1",}}'],
  ["single quotes", "{'metadata': {}}"],
  ["a comment", '{"metadata": {}} // done'],
  ["a key without quotes", "{metadata: {}}"],
  ["trailing letters", '{"metadata": {}} x'],
  ["a second document", '{"metadata": {}}{"metadata": {}}'],
  ["a trailing NUL", '{"metadata": {}}\0'],
  ["a form feed before it", '\f{"metadata": {}}'],
  ["a control character in a text", '{"metadata": {"key1": "a\nb"}}'],
  ["an unknown escape", '{"metadata": {"key1": "\\x41"}}'],
  ["a number with a leading zero", '{"metadata": {"key1": 01}}'],
  ["NaN", '{"metadata": {"key1": NaN}}'],
  ["Infinity", '{"metadata": {"key1": Infinity}}'],
  ["-Infinity", '{"metadata": {"key1": -Infinity}}'],
  ["NaN alone", "NaN"],
  ["a high surrogate without a low one", lone("\\ud800")],
  ["a low surrogate without a high one", lone("\\udc00")],
  ["surrogates in the wrong order", lone("\\ude00\\ud83d")],
  ["a lone surrogate in a key", '{"metadata": {"\\ud800": "1"}}'],
  ["a lone surrogate where nothing is read", '{"x": "\\ud800"}'],
  ["a byte order mark", '\ufeff{"metadata": {"key1": "1"}}'],
  ["UTF-16", Buffer.from('\ufeff{"metadata": {"key1": "1"}}', "utf16le")],
  ["UTF-16 without a byte order mark", Buffer.from('{"metadata": {"key1": "1"}}', "utf16le")],
  ["UTF-32", Buffer.from([..."{}"].flatMap((letter) => [letter.charCodeAt(0), 0, 0, 0]))],
  ["Latin-1", Buffer.from('{"metadata": {"key1": "é"}}', "latin1")],
  ["a byte that UTF-8 never has", Buffer.from('{"metadata": {"key1": "\xff"}}', "latin1")],
  ["UTF-8 that is cut off", Buffer.from('{"metadata": {"key1": "\xe2\x82"}}', "latin1")],
  ["UTF-8 of a surrogate", Buffer.from('{"metadata": {"key1": "\xed\xa0\x80"}}', "latin1")],
  ["UTF-8 in too many bytes", Buffer.from('{"metadata": {"key1": "\xc0\xaf"}}', "latin1")],
  ["a key that is not UTF-8", Buffer.from('{"metadata": {"\xff": "1"}}', "latin1")],
  ["XML", "<metadata/>"],
  ["a form", "metadata=1"],
  ["arrays nested without end", "[".repeat(50_000)],
  ["arrays nested deeply", "[".repeat(deep) + "]".repeat(deep)],
  ["objects nested without end", '{"a":'.repeat(20_000)],
  ["objects nested deeply", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`],
  ["a value nested deeply", `{"metadata": {"key1": ${"[".repeat(deep)}${"]".repeat(deep)}}}`],
];

for (const kind of KINDS) {
  for (const operation of WRITES) {
    // Shared by all bodies, because none of them changes it.
    const owner = new Project(worker);
    const unchanged = await make(owner, kind);

    for (const [what, body] of NOT_JSON) {
      test(`${kind}, ${operation.name}: ${what} is malformed`, async () => {
        for (const chunked of [false, true]) {
          const { answer, left } = await sendTo(owner, unchanged, kind, operation, { headers: json, body, chunked });
          assertFault(answer, 400, "badRequest", "Malformed request body");
          assertVersion(answer, "2.1");
          assert.deepEqual(left, both);
        }
      });
    }

    test(`${kind}, ${operation.name}: nesting of any depth is answered by the contract`, async () => {
      for (const depth of [10, 100, 120, 126, 127, 128, 129, 200, 500, 1000, 5000]) {
        const value = "[".repeat(depth) + "]".repeat(depth);
        const body = text(operation).replace('"changed"', value);
        const { answer, left } = await sendTo(owner, unchanged, kind, operation, { headers: json, body });
        assert.equal(answer.status, 400, String(depth));
        const { message } = answer.json().badRequest;
        const begins = "Invalid input for field/attribute key1. Value: [[";
        const asSchema = message.startsWith(begins) && message.endsWith("]] is not of type 'string'");
        assert.ok(message === "Malformed request body" || asSchema, message);
        assert.deepEqual(left, both);
      }
    });

    test(`${kind}, ${operation.name}: of duplicate keys the last wins`, async () => {
      const [name = ""] = Object.keys(operation.body ?? {});
      for (const body of [
        `{"${name}": {"key1": "first", "key1": "changed"}}`,
        `{"${name}": {"key1": 1, "key1": "changed"}}`,
        `{"${name}": null, "${name}": {"key1": "changed"}}`,
        `{"${name}": {"key1": "first"}, "${name}": {"key\\u0031": "changed"}}`,
      ]) {
        const { answer, left } = await send(kind, operation, { headers: json, body });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(left?.["key1"], "changed");
      }
    });

    test(`${kind}, ${operation.name}: white space around JSON and escapes within it are JSON`, async () => {
      for (const body of [
        ` \t\r\n${text(operation)}\n `,
        text(operation).replace("changed", "\\u0063\\u0068anged"),
        text(operation).replaceAll(":", " : \n"),
      ]) {
        const { answer } = await send(kind, operation, { headers: json, body });
        assertDocument(answer, operation.answer);
      }
    });

    test(`${kind}, ${operation.name}: a chunked body is read`, async () => {
      const { answer, left } = await send(kind, operation, { headers: json, body: text(operation), chunked: true });
      assertDocument(answer, operation.answer);
      assert.deepEqual(left, operation.leaves);
    });

    test(`${kind}, ${operation.name}: an empty body is null, which no schema accepts`, async () => {
      for (const options of [{}, { body: "" }, { body: "", chunked: true }, { headers: json }]) {
        const { answer, left } = await send(kind, operation, options);
        assertFault(answer, 400, "badRequest", "None is not of type 'object'");
        assert.deepEqual(left, both);
      }
    });

    test(`${kind}, ${operation.name}: 114,688 bytes are accepted, with Content-Length and chunked`, async () => {
      for (const chunked of [false, true]) {
        const body = text(operation).padEnd(LIMIT, " ");
        const { answer, left } = await send(kind, operation, { headers: json, body, chunked });
        assertDocument(answer, operation.answer);
        assert.deepEqual(left, operation.leaves);
      }
    });

    test(`${kind}, ${operation.name}: 114,689 bytes are 413, with Content-Length and chunked`, async () => {
      for (const chunked of [false, true]) {
        const body = text(operation).padEnd(LIMIT + 1, " ");
        const { answer, left } = await send(kind, operation, { headers: json, body, chunked });
        assertTooLarge(answer);
        assert.deepEqual(left, both);
      }
    });

    test(`${kind}, ${operation.name}: bytes are counted, not characters`, async () => {
      const filler = "é".repeat(LIMIT / 2);
      const { answer } = await send(kind, operation, { headers: json, body: `{"x": "${filler}"}`, chunked: true });
      assertTooLarge(answer);
    });

    for (const type of [
      "application/json",
      "application/json; charset=utf-8",
      "application/json;charset=latin1",
      "application/json ; x=y",
      "text/plain",
      "text/plain; charset=us-ascii",
      "application/vnd.openstack.compute+json",
    ]) {
      test(`${kind}, ${operation.name}: Content-Type ${type} is accepted, and the body is read as UTF-8`, async () => {
        const body = text(operation).replace("changed", "é");
        const { answer, left } = await send(kind, operation, { headers: { "Content-Type": type }, body });
        assert.equal(answer.status, 200, answer.text);
        assert.equal(left?.["key1"], "é");
      });
    }

    test(`${kind}, ${operation.name}: without a Content-Type the body is read as JSON`, async () => {
      const { answer } = await send(kind, operation, { body: text(operation) });
      assertDocument(answer, operation.answer);
    });

    for (const type of [
      "application/xml",
      "application/x-www-form-urlencoded",
      "multipart/form-data; boundary=x",
      "Application/JSON",
      "TEXT/PLAIN",
      "application/json-patch+json",
      "text/html; application/json",
      "json",
    ]) {
      test(`${kind}, ${operation.name}: Content-Type ${type} is 415, whatever the body`, async () => {
        for (const body of [text(operation), "{bad", ""]) {
          const options = { headers: { "Content-Type": type }, body };
          const { answer, left } = await sendTo(owner, unchanged, kind, operation, options);
          assertFault(answer, 415, "badMediaType", "Unsupported Content-Type");
          assertVersion(answer, "2.1");
          assert.deepEqual(left, both);
        }
      });
    }
  }
}

test("a body that ends before its announced length changes nothing, and the next request is answered", async () => {
  const project = new Project(worker);
  const id = await project.server();
  const [, , putItem] = WRITES;
  assert.ok(putItem);
  const headers = { ...json, "Content-Length": "1000" };
  const token = await project.as("member");
  const path = `/v2.1/servers/${id}/${putItem.path}`;
  await assert.rejects(worker.request("PUT", path, { token, headers, body: text(putItem), patience: 500 }));
  assert.deepEqual(await worker.metadata("servers", id), both);
  assertDocument(await perform(project, `/v2.1/servers/${id}`, putItem), putItem.answer);
});
