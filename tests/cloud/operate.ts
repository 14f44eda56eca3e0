// docs/operate.md: every command in it, as it is written there.
import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";

import { succeed } from "../../scripts/cloud-environment.mjs";
import { root } from "../../scripts/layout.mjs";
import { capture } from "../../scripts/run.mjs";
import { QUEUES, given as environment, type Cloud } from "./cloud.ts";
import { commands } from "./documents.ts";
import { subject } from "./subject.ts";

const [INFO] = QUEUES.nova;

export function operating(cloud: Cloud): void {
  subject("operate", cloud, (given) => {
    const id = randomUUID();
    const left = new Set(commands());

    before(async () => {
      await cloud.servers([{ id, metadata: { k: "v" } }]);
    });
    after(() => assert.deepEqual([...left], [], "commands that no test has run"));

    /** Takes a command off the list, as it is written. */
    function documented(line: string): string {
      assert.ok(left.delete(line), `docs/operate.md does not say \`${line}\`; it says:\n${[...left].join("\n")}`);
      return line;
    }

    function bridge(line: string): ReturnType<ReturnType<typeof given>["bridge"]["command"]> {
      return given().bridge.command(documented(line).split(" ").slice(1));
    }

    test("RabbitMQ's user was made as it says", async () => {
      documented(`rabbitmqctl add_user bridge "$PASSWORD"`);
      documented(`rabbitmqctl set_permissions --vhost / bridge '^$' '^$' '^edge_metadata'`);
      assert.match(
        await cloud.rabbit.control("list_permissions", "--quiet", "--vhost", "nova"),
        /bridge\t\^\$\t\^\$\t\^edge_metadata/,
      );
    });

    test("Keystone's user and its application credential", async () => {
      const administrator = {
        OS_AUTH_URL: cloud.keystone.url,
        OS_USERNAME: "admin",
        OS_PASSWORD: environment("KEYSTONE_ADMIN_PASSWORD"),
        OS_PROJECT_NAME: "admin",
        OS_USER_DOMAIN_ID: "default",
        OS_PROJECT_DOMAIN_ID: "default",
        OS_IDENTITY_API_VERSION: "3",
      };
      const PATH = `${path.dirname(environment("CLIENTS_PYTHON"))}:${process.env["PATH"]}`;
      const lines = [
        `openstack user create --password "$PASSWORD" bridge`,
        "openstack role add --user bridge --project service admin",
        `openstack --os-username bridge --os-password "$PASSWORD" --os-project-name service application credential create edge-metadata-bridge`,
      ];
      // The tests' cloud has one of this name already.
      const renamed = (line: string): string => line.replaceAll(/(?<!-)\bbridge\b/g, "another");
      const password = randomBytes(8).toString("hex");
      let printed = "";
      for (const line of lines) {
        const env = { ...administrator, PATH, PASSWORD: password };
        printed = await succeed("bash", ["-ec", renamed(documented(line))], env);
      }
      assert.match(printed, /\| secret /i);
    });

    test("the settings, the first fill, and that both sides are equal", async () => {
      assert.equal((await bridge("edge-metadata-bridge check")).code, 0);
      const unit = readFileSync(path.join(root, "bridge", "deploy", "edge-metadata-bridge.service"), "utf8");
      assert.match(unit, /^ExecStart=\S+\/edge-metadata-bridge --config \S+ run$/m);
      documented("systemctl start edge-metadata-bridge");
      await given().bridge.start();
      assert.equal((await bridge("edge-metadata-bridge import")).code, 0, given().bridge.tail());
      assert.equal((await bridge("edge-metadata-bridge verify")).code, 0, given().bridge.tail());
      await given().inStep("servers", id, { k: "v" });
    });

    test("drift that was found", async () => {
      const { edge } = given();
      assert.equal((await edge.registry("DELETE", `/servers/${id}`)).status, 204);
      assert.equal((await bridge("edge-metadata-bridge verify --repair")).code, 0, given().bridge.tail());
      await given().inStep("servers", id, { k: "v" });
    });

    test("stopping it, and removing it", async () => {
      documented("systemctl stop edge-metadata-bridge");
      assert.equal(await given().bridge.stop(), 0);
      const { status } = await given().member.nova("PUT", `/servers/${id}/metadata/k`, { meta: { k: "w" } });
      assert.equal(status, 200);
      const vhost = (line: string): string => documented(line).replace("rabbitmqctl ", "rabbitmqctl --vhost nova ");
      await cloud.rabbit.shell(vhost(`rabbitmqctl purge_queue ${INFO}`));
      assert.equal(await cloud.rabbit.waiting("nova", INFO), 0);
      await cloud.rabbit.shell(vhost(`rabbitmqctl delete_queue ${INFO}`));
      assert.equal(await cloud.rabbit.waiting("nova", INFO), null);
      // As a change of its settings needs. A Nova that goes on does not notice that its queue is gone, and announces to nobody.
      await cloud.nova.service.restart();
    });

    test("what other tests run", async () => {
      // `npm run test:cloud` builds it with the same profile that `cargo install` would, but for its speed.
      documented("cargo install --path bridge");
      assert.equal((await capture(environment("CLOUD_BRIDGE"), ["--version"])).code, 0);
      // Not --remote: nobody's account is touched.
      const token = documented(
        "npm run --silent token -- --user bridge --project 0 --role service --expires-in 31536000 --remote",
      );
      const state = path.join(cloud.folder, "tokens");
      const made = await succeed("bash", ["-ec", token.replace("--remote", `--persist-to ${state}`)]);
      assert.match(made, /^\S{20,}\n$/);
    });
  });
}
