// A RabbitMQ of the tests' own: its folder, its ports on the loopback address, its cookie, its port mapper.
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { succeed } from "../../scripts/cloud-environment.mjs";
import { Failure } from "../../scripts/report.mjs";
import { freePort } from "../../scripts/free-port.mjs";
import { capture } from "../../scripts/run.mjs";
import type { Later } from "../programs.ts";
import { Bus } from "./bus.ts";
import { commands } from "./documents.ts";
import { until } from "./wait.ts";

const STARTS_WITHIN_MS = 120_000;

/** Users of it, each with a virtual host. */
const VHOSTS = ["nova", "glance"] as const;

export type Vhost = (typeof VHOSTS)[number];

export interface RabbitPrograms {
  /** The folder of its programs. */
  rabbitmq: string;
  epmd: string;
  /** A Python that has kombu. */
  python: string;
}

export class RabbitMq {
  #process: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  readonly #password: string;

  private constructor(
    readonly programs: RabbitPrograms,
    readonly folder: string,
    readonly port: number,
    readonly environment: Record<string, string>,
    readonly bus: Bus,
    password: string,
  ) {
    this.#password = password;
  }

  static async start(programs: RabbitPrograms, parent: string, later: Later): Promise<RabbitMq> {
    const folder = path.join(parent, "rabbitmq");
    mkdirSync(folder);
    writeFileSync(path.join(folder, "plugins"), "[].\n");
    writeFileSync(path.join(folder, ".erlang.cookie"), randomBytes(16).toString("hex"), { mode: 0o400 });
    // Who announces. Each start of rabbitmqctl would cost seconds of a machine's time.
    const password = randomBytes(12).toString("hex");
    const all = { configure: ".*", write: ".*", read: ".*" };
    const definitions = {
      vhosts: VHOSTS.map((name) => ({ name })),
      users: VHOSTS.map((name) => ({ name, password, tags: "" })),
      permissions: VHOSTS.map((name) => ({ user: name, vhost: name, ...all })),
    };
    writeFileSync(path.join(folder, "definitions.json"), JSON.stringify(definitions));
    const lines = [`load_definitions = ${path.join(folder, "definitions.json")}`, "disk_free_limit.absolute = 50MB"];
    writeFileSync(path.join(folder, "rabbitmq.conf"), lines.map((line) => `${line}\n`).join(""));
    const [port, dist, mapper] = [await freePort(), await freePort(), await freePort()];
    const rabbit = new RabbitMq(
      programs,
      folder,
      port,
      {
        HOME: folder,
        RABBITMQ_NODENAME: `edge-${mapper}@localhost`,
        RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
        RABBITMQ_NODE_PORT: String(port),
        RABBITMQ_DIST_PORT: String(dist),
        ERL_EPMD_PORT: String(mapper),
        ERL_EPMD_ADDRESS: "127.0.0.1",
        RABBITMQ_MNESIA_BASE: path.join(folder, "mnesia"),
        RABBITMQ_LOG_BASE: path.join(folder, "log"),
        RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, "plugins"),
        RABBITMQ_CONFIG_FILE: path.join(folder, "rabbitmq.conf"),
        RABBITMQ_CONF_ENV_FILE: path.join(folder, "none"),
        RABBITMQ_PID_FILE: path.join(folder, "pid"),
        // Two schedulers busy-wait less than all of them would on a machine that is busy with everything else.
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+sbwt none +sbwtdcpu none +sbwtdio none +S 2:2",
      },
      Bus.start(programs.python, later),
      password,
    );
    later(() => rabbit.#endMapper());
    later(() => rabbit.kill());
    await rabbit.run();
    // As docs/operate.md has it, for two virtual hosts.
    const [user, permissions] = commands().filter((line) => line.startsWith("rabbitmqctl ")) as [string, string];
    await rabbit.shell(user);
    for (const vhost of VHOSTS) await rabbit.shell(permissions.replace("--vhost /", `--vhost ${vhost}`));
    return rabbit;
  }

  /** For those who announce: oslo.messaging's. */
  announcing(vhost: Vhost): string {
    return `rabbit://${vhost}:${this.#password}@127.0.0.1:${this.port}/${vhost}`;
  }

  /** For the bridge, which may read its queues and nothing else. */
  reading(vhost: Vhost): string {
    return `amqp://bridge:${this.#password}@127.0.0.1:${this.port}/${vhost}`;
  }

  /** Starts it, or starts it again on what it has kept. */
  async run(): Promise<void> {
    const log = path.join(this.folder, "output");
    const output = openSync(log, "a");
    // A process group of its own: the shell that starts Erlang, and Erlang.
    const child = spawn(path.join(this.programs.rabbitmq, "rabbitmq-server"), [], {
      cwd: this.folder,
      env: { ...process.env, ...this.environment },
      stdio: ["ignore", output, output],
      detached: true,
    });
    closeSync(output);
    this.#process = child;
    this.#gone = new Promise((resolve) => child.once("close", () => resolve()));
    const end = Date.now() + STARTS_WITHIN_MS;
    while ((await this.#ask("await_startup", "--timeout", "60")).code !== 0) {
      if (child.exitCode !== null || Date.now() > end)
        throw new Failure(`RabbitMQ does not start:\n${readFileSync(log, "utf8")}`);
      await sleep(200);
    }
  }

  /** SIGKILL for all of it, at once. */
  async kill(): Promise<void> {
    const pid = this.#process?.pid;
    this.#process = undefined;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
    await this.#gone;
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.run();
  }

  /** Messages in a queue that nobody has taken; null when there is no such queue. */
  waiting(vhost: Vhost, queue: string): Promise<number | null> {
    return this.bus.waiting(this.#amqp(vhost), queue);
  }

  purge(vhost: Vhost, queue: string): Promise<void> {
    return this.bus.purge(this.#amqp(vhost), queue);
  }

  /** So many notifications of each server. */
  publish(vhost: Vhost, queue: string, servers: string[], times: number): Promise<void> {
    return this.bus.publish(this.#amqp(vhost), queue, servers, times);
  }

  #amqp(vhost: Vhost): string {
    return this.announcing(vhost).replace("rabbit:", "amqp:");
  }

  async control(...args: string[]): Promise<string> {
    return succeed(path.join(this.programs.rabbitmq, "rabbitmqctl"), args, this.environment);
  }

  /** Runs a command as a person would type it, with `$PASSWORD` of the bridge's user. */
  async shell(line: string): Promise<string> {
    const path = `${this.programs.rabbitmq}:${process.env["PATH"]}`;
    return succeed("bash", ["-ec", line], { ...this.environment, PATH: path, PASSWORD: this.#password });
  }

  #ask(...args: string[]): ReturnType<typeof capture> {
    return capture(path.join(this.programs.rabbitmq, "rabbitmqctl"), args, { env: this.environment });
  }

  async #endMapper(): Promise<void> {
    const args = ["-port", this.environment["ERL_EPMD_PORT"] ?? "", "-kill"];
    // It does not end before it has noticed that the broker has.
    await until("the port mapper ends", async () => {
      const { stdout, stderr } = await capture(this.programs.epmd, args, { env: this.environment });
      return /Killed|Cannot connect/i.test(stdout + stderr);
    });
  }
}
