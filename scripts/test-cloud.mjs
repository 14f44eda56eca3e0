// `npm run test:cloud`: the built Worker and the bridge beside a real Keystone, Nova, Glance and RabbitMQ, all of them
// started and ended by the tests. Installs what is missing.
//
//   npm run test:cloud                                everything
//   npm run test:cloud -- outages import              tests/cloud/outages.test.ts and import.test.ts
//   npm run test:cloud -- --test-name-pattern locked  by name (any option of node --test)

import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { build, deployed } from "./build.mjs";
import { cloudEnvironment } from "./cloud-environment.mjs";
import { cloudTemplate } from "./cloud-template.mjs";
import { Failure, command, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { atLeast } from "./prerequisites.mjs";
import { exitCode, run } from "./run.mjs";
import { setup } from "./setup.mjs";

const SUITE = join("tests", "cloud");
const BRIDGE = join(root, "bridge");

await command(async () => {
  const { files, options } = selection(process.argv.slice(2));
  await setup();
  await build(deployed);
  progress("cargo build (the bridge; some minutes the first time)");
  await run("cargo", ["build", "--locked", "--manifest-path", join(BRIDGE, "Cargo.toml")]);
  const programs = await cloudEnvironment();
  const template = await cloudTemplate(programs);
  progress("a real cloud");
  const code = await exitCode(
    process.execPath,
    [
      ...[atLeast(process.versions.node, [20, 6]) ? "--import" : "--loader", "tsx"],
      // One at a time: each has a cloud of its own.
      ...["--test", "--test-concurrency=1", "--test-reporter=spec", ...options],
      ...files.map((file) => join(SUITE, file)),
    ],
    {
      env: {
        CLOUD_TEMPLATE: template.folder,
        CLOUD_NOVA: programs.nova,
        CLOUD_GLANCE: programs.glance,
        CLOUD_RABBITMQ: programs.rabbitmq,
        CLOUD_EPMD: programs.epmd,
        CLOUD_BRIDGE: process.env["CLOUD_BRIDGE"] ?? join(BRIDGE, "target", "debug", "edge-metadata-bridge"),
        KEYSTONE_BIN: programs.keystone,
        KEYSTONE_TEMPLATE: join(template.folder, "keystone"),
        KEYSTONE_ADMIN_PASSWORD: template.password,
        KEYSTONE_PROVIDER: "fernet",
      },
      onStdout: (chunk) => process.stdout.write(chunk),
    },
  );
  if (code !== 0) process.exitCode = 1;
});

/** @param {string[]} args */
function selection(args) {
  const first = args.findIndex((arg) => arg.startsWith("-"));
  const names = first < 0 ? args : args.slice(0, first);
  const all = readdirSync(join(root, SUITE)).filter((file) => file.endsWith(".test.ts")).sort();
  const files = names.map((name) => {
    const file = all.find((file) => file === basename(name) || file === `${name}.test.ts`);
    if (file === undefined) throw new Failure(`there is no test file ${name}; there are: ${all.join(", ")}`);
    return file;
  });
  return { files: files.length > 0 ? files : all, options: first < 0 ? [] : args.slice(first) };
}
