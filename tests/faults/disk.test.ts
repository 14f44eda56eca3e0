// Full disks, file size limits and read-only disks: faults, no loss, and recovery without help once there is room.
import assert from "node:assert/strict";
import { test } from "node:test";

import { assertNoContent, assertUnavailable } from "../answers.ts";
import { resourceId, type Answer } from "../harness.ts";
import { imageItem, Project } from "../project.ts";
import { letFilesGrow, SmallDisk, withFilesUpTo, withoutMount } from "./disk.ts";
import { Kept } from "./kept.ts";
import { tally } from "./tally.ts";
import { startWorkerd, type PlainWorkerd } from "../workerd.ts";

const KEYS = Array.from({ length: 8 }, (_, at) => `key${at}`);
/** Upper bound of changes until a limit must be met. */
const CHANGES = 3_000;
const LONG = "x".repeat(255);

/** Writes to two servers until a write is refused, then asserts what is kept and that writes work again. */
async function through(worker: PlainWorkerd, narrow: () => Promise<void>, wide: () => Promise<void>): Promise<void> {
  const project = new Project(worker);
  const token = await project.as("member");
  const servers = [await project.server({ metadata: {} }), await project.server({ metadata: {} })];
  const kept = new Kept(servers.flatMap((id) => KEYS.map((key) => ({ id, key }))));
  let made = 0;
  const change = async (): Promise<Answer> => {
    made += 1;
    const item = kept.items[made % kept.items.length] as Kept["items"][number];
    const path = project.serverItem(item.id, item.key);
    const value = item.mayBe(null) || made % 3 > 0 ? `${made}${LONG}`.slice(0, 255) : null;
    item.send(value);
    const body = { meta: { [item.key]: value } };
    const answer = await (value === null ? project.delete(path) : worker.request("PUT", path, { token, body }));
    if (answer.status === (value === null ? 204 : 200)) item.acknowledge(value);
    else assertUnavailable(answer);
    return answer;
  };

  for (let count = 0; count < 30; count += 1) assert.notEqual((await change()).status, 503);
  await narrow();
  let refused = 0;
  for (let count = 0; count < CHANGES && refused < 20; count += 1) {
    if ((await change()).status === 503) refused += 1;
  }
  assert.equal(refused, 20, `only ${refused} of ${CHANGES} changes were refused: the disk was not full`);
  // A new record is refused as well.
  const late = resourceId();
  const body = { server: { project_id: project.id } };
  const registrar = await worker.registrar();
  const refusedRecord = await worker.request("PUT", `/registry/servers/${late}`, { token: registrar, body });
  if (refusedRecord.status !== 201) assertUnavailable(refusedRecord);

  await wide();
  for (const id of servers) kept.settle(id, await worker.metadata("servers", id));
  for (let count = 0; count < 2 * kept.items.length; count += 1) assert.notEqual((await change()).status, 503);
  const again = await worker.request("PUT", `/registry/servers/${late}`, { token: registrar, body });
  assert.ok(again.status === 200 || again.status === 201, again.text);
  for (const id of servers) kept.settle(id, await worker.metadata("servers", id));
  await worker.restart();
  for (const id of servers) kept.settle(id, await worker.metadata("servers", id));
  tally("disks survived", 1);
}

test("a disk that is full to the last byte", { skip: withoutMount }, async () => {
  const disk = await SmallDisk.mount(4096);
  const worker = await startWorkerd({ objects: disk.folder });
  try {
    await through(
      worker,
      () => disk.fill(),
      () => disk.free(),
    );
  } finally {
    await worker.stop();
    await disk.unmount();
  }
});

test("files that may not grow, as under a quota", async () => {
  const worker = await startWorkerd({ through: withFilesUpTo(256) });
  try {
    await through(
      worker,
      async () => {},
      async () => letFilesGrow(worker.pid, "unlimited"),
    );
  } finally {
    await worker.stop();
  }
});

test("a disk that is read-only when workerd starts", { skip: withoutMount }, async () => {
  const disk = await SmallDisk.mount(4096);
  const worker = await startWorkerd({ objects: disk.folder });
  try {
    const project = new Project(worker);
    const server = await project.server();
    const image = await project.image();
    assertNoContent(await project.delete(project.serverItem(server, "key1")));
    await worker.kill();
    disk.remount("ro");
    await worker.start();
    const token = await project.as("member");
    for (let count = 0; count < 3; count += 1) {
      assertUnavailable(await project.delete(project.serverItem(server, "key2")));
      assertUnavailable(await project.delete(imageItem(image, "key1")));
      const read = await worker.request("GET", `/v2.1/servers/${server}/metadata`, { token });
      if (read.status === 200) assert.deepEqual(read.json(), { metadata: { key2: "value2" } });
      else assertUnavailable(read);
    }
    disk.remount("rw");
    assert.deepEqual(await worker.metadata("servers", server), { key2: "value2" });
    assert.deepEqual(await worker.metadata("images", image), { key1: "value1", key2: "value2" });
    // An object that was opened on a read-only disk refuses its first change and is opened anew.
    for (const path of [project.serverItem(server, "key2"), imageItem(image, "key1")]) {
      const answer = await project.delete(path);
      if (answer.status === 503) assertNoContent(await project.delete(path));
      else assertNoContent(answer);
    }
    await worker.restart();
    assert.deepEqual(await worker.metadata("servers", server), {});
    assert.deepEqual(await worker.metadata("images", image), { key2: "value2" });
    tally("disks survived", 1);
  } finally {
    await worker.stop();
    await disk.unmount();
  }
});
