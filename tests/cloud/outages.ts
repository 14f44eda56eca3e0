// Users write on both sides for a minute while everything between them is ended for a while.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import type { Cloud } from "./cloud.ts";
import { subject, type Subject } from "./subject.ts";

const SECONDS = Number(process.env["CLOUD_OUTAGE_SECONDS"] ?? 60);
/** Servers of each kind. */
const SERVERS = 3;
const PAUSE_MS = 40;

/** A key of a server, and everything that one writer wrote to it. */
interface Writer {
  side: "edge" | "nova";
  server: string;
  key: string;
  /** What was acknowledged last; null when it was deleted. Undefined before the first. */
  last: string | null | undefined;
  /** What was sent and never acknowledged since: each of these may have arrived. */
  uncertain: (string | null)[];
  acknowledged: number;
}

export function outages(cloud: Cloud): void {
  subject("outages", cloud, (given) => {
    const servers = (): string[] => Array.from({ length: SERVERS }, () => randomUUID());
    const [edgeOnly, novaOnly, both] = [servers(), servers(), servers()];
    const writers: Writer[] = [];

    before(async () => {
      const all = [...edgeOnly, ...novaOnly, ...both];
      await cloud.servers(all.map((id) => ({ id, metadata: { k: "begin" } })));
      const { code } = await given().bridge.command(["import"]);
      assert.equal(code, 0, given().bridge.tail());
      await given().bridge.start();
      const writer =
        (side: Writer["side"]) =>
        (server: string): void => {
          writers.push({ side, server, key: "k", last: undefined, uncertain: [], acknowledged: 0 });
        };
      for (const server of [...edgeOnly, ...both]) writer("edge")(server);
      for (const server of [...novaOnly, ...both]) writer("nova")(server);
    });

    test(`${SECONDS} seconds of writing while the bus, Nova, the Worker and the bridge are killed: nothing is lost`, async (t) => {
      const { bridge, edge } = given();
      const end = Date.now() + SECONDS * 1000;
      const writing = Promise.all(writers.map((writer) => write(given(), writer, end)));
      const share = (SECONDS * 1000) / 8;
      const outage = async (name: string, kill: () => Promise<void>, start: () => Promise<void>): Promise<void> => {
        await sleep(share / 2);
        await kill();
        await sleep(share / 2);
        t.diagnostic(`${name} is back`);
        await start();
      };
      await outage(
        "the bridge",
        () => bridge.kill(),
        () => bridge.begin(),
      );
      await outage(
        "Nova",
        () => cloud.nova.service.kill(),
        () => cloud.nova.service.start(),
      );
      await outage(
        "the Worker",
        () => edge.kill(),
        () => edge.restart(),
      );
      await outage(
        "the bus",
        () => cloud.rabbit.kill(),
        () => cloud.rabbit.run(),
      );
      // Between applying and acknowledging, among other moments.
      while (Date.now() < end) {
        await sleep(500);
        await bridge.kill();
        await bridge.begin();
      }
      await writing;
      await bridge.kill();
      // The broker's queues were not durable: messages were lost with it, and only a verification can tell of what.
      await bridge.start("--verify-every", "1h");
      for (const id of [...edgeOnly, ...novaOnly, ...both]) await given().inStep("servers", id, undefined, { within: 120_000 });
      assert.deepEqual(await edge.changed(), []);
      for (const id of [...edgeOnly, ...novaOnly])
        await settled(
          given(),
          writers.filter(({ server }) => server === id),
        );
      for (const id of both)
        await settled(
          given(),
          writers.filter(({ server }) => server === id),
        );
      const acknowledged = (side: string): number =>
        writers.filter((writer) => writer.side === side).reduce((sum, writer) => sum + writer.acknowledged, 0);
      t.diagnostic(`acknowledged: ${acknowledged("edge")} changes at the edge, ${acknowledged("nova")} in Nova`);
      assert.ok(acknowledged("edge") > SECONDS && acknowledged("nova") > SECONDS / 2);
      assert.equal(await bridge.stop(), 0);
    });
  });
}

/** Sets and deletes the key, over and over, whatever is answered. */
async function write(subject: Subject, writer: Writer, end: number): Promise<void> {
  for (let number = 0; Date.now() < end; number += 1) {
    const value = number % 4 === 3 ? null : `${writer.side} ${number}`;
    const status = await send(subject, writer, value);
    if (status >= 200 && status < 300) {
      writer.last = value;
      writer.uncertain = [];
      writer.acknowledged += 1;
    } else if (status !== 404) {
      // 404: there is nothing to delete, so nothing was changed.
      writer.uncertain.push(value);
    }
    await sleep(PAUSE_MS);
  }
}

/** A status; 0 when there was no answer. */
async function send({ member, edge }: Subject, { side, server, key }: Writer, value: string | null): Promise<number> {
  const resource = `/servers/${server}/metadata/${key}`;
  const body = value === null ? undefined : { meta: { [key]: value } };
  const method = value === null ? "DELETE" : "PUT";
  if (side === "nova") return (await member.nova(method, resource, body, 20_000)).status;
  try {
    return (await edge.user(method, resource, body)).status;
  } catch {
    return 0;
  }
}

/** The key has what one of its writers wrote last: no acknowledged change was overtaken by one before it. */
async function settled(subject: Subject, writers: Writer[]): Promise<void> {
  const { server, key } = writers[0] as Writer;
  const value = (await subject.edge.metadata("servers", server))?.[key] ?? null;
  const possible = writers.flatMap(({ last, uncertain }) => [...(last === undefined ? [] : [last]), ...uncertain]);
  assert.ok(possible.includes(value), `${server}: ${value} is none of ${JSON.stringify(possible)}\n${subject.bridge.tail()}`);
}
