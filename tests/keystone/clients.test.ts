// The openstack command, authenticating with a real Keystone whose catalog names the Worker.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, test } from "node:test";

import { resourceId, startWorker } from "../harness.ts";
import { settle } from "./people.ts";
import { startKeystone, type User } from "./server.ts";

const keystone = await startKeystone();
const people = await settle(keystone);
const worker = await startWorker({ vars: { KEYSTONE_URL: keystone.url } });
await keystone.findable();
await keystone.service("compute", "nova", `${worker.url}/v2.1`);
const home = await mkdtemp(path.join(tmpdir(), "edge-metadata-home-"));
after(async () => {
  await worker.stop();
  await keystone.remove();
  await rm(home, { recursive: true, force: true });
});

const python = process.env["CLIENTS_PYTHON"] ?? "";

interface Done {
  code: number;
  stdout: string;
  stderr: string;
}

function openstack(login: string[], ...args: string[]): Promise<Done> {
  return new Promise((resolve) => {
    execFile(
      path.join(path.dirname(python), "openstack"),
      ["--os-auth-url", keystone.url, "--os-identity-api-version", "3", "--os-region-name", "RegionOne", ...login, ...args],
      {
        cwd: home,
        timeout: 120_000,
        // OS_* variables and clouds.yaml of the machine must not take effect.
        env: { PATH: process.env["PATH"], HOME: home, LANG: "C.UTF-8", NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" },
      },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
}

function as(name: string, project: string): string[] {
  const user = people.users[name] as User;
  const domains = ["--os-user-domain-id", "default", "--os-project-domain-id", "default"];
  return ["--os-username", user.name, "--os-password", user.password, "--os-project-name", project, ...domains];
}

async function server(name: string): Promise<string> {
  const id = resourceId();
  const body = { server: { project_id: people.projects.acme, name, metadata: { key1: "value1", key2: "value2" } } };
  const answer = await worker.request("PUT", `/registry/servers/${id}`, { token: await keystone.admin(), body });
  assert.equal(answer.status, 201, answer.text);
  return id;
}

async function metadata(id: string): Promise<unknown> {
  const answer = await worker.request("GET", `/registry/servers/${id}`, { token: await keystone.admin() });
  return answer.json().server.metadata;
}

const silent = { code: 0, stdout: "", stderr: "" };

test("server unset --property, by password", async () => {
  const id = await server("one");
  assert.deepEqual(await openstack(as("alice", "acme"), "server", "unset", "--property", "key1", id), silent);
  assert.deepEqual(await metadata(id), { key2: "value2" });
});

test("server set --property, by the server's name", async () => {
  const id = await server("found-by-name");
  const done = await openstack(as("alice", "acme"), "server", "set", "--property", "key3=value3", "found-by-name");
  assert.deepEqual(done, silent);
  assert.deepEqual(await metadata(id), { key1: "value1", key2: "value2", key3: "value3" });
});

test("server unset --property, by application credential", async () => {
  const id = await server("two");
  const credential = await keystone.credential(people.users["alice"] as User, await people.token("alice"));
  const login = [
    ...["--os-auth-type", "v3applicationcredential"],
    ...["--os-application-credential-id", credential.id, "--os-application-credential-secret", credential.secret],
  ];
  assert.deepEqual(await openstack(login, "server", "unset", "--property", "key2", id), silent);
  assert.deepEqual(await metadata(id), { key1: "value1" });
});

test("server show", async () => {
  const id = await server("three");
  const { code, stdout, stderr } = await openstack(as("rita", "acme"), "server", "show", id, "-f", "json");
  assert.equal(code, 0, stderr);
  assert.deepEqual((JSON.parse(stdout) as Record<string, unknown>)["properties"], { key1: "value1", key2: "value2" });
});

test("a reader gets the 403's message; another project does not see the server", async () => {
  const id = await server("four");
  const refused = await openstack(as("rita", "acme"), "server", "unset", "--property", "key1", id);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Policy doesn't allow os_compute_api:server-metadata:delete to be performed/);
  const unseen = await openstack(as("bob", "other"), "server", "unset", "--property", "key1", id);
  assert.equal(unseen.code, 1);
  assert.match(unseen.stderr, /could not be found|No server found|No Server found/i);
  assert.deepEqual(await metadata(id), { key1: "value1", key2: "value2" });
});
