// `npm run test:cloud`: the built Worker and the bridge beside a real Keystone, Nova, Glance and RabbitMQ, all of them
// started and ended by the tests. Installs what is missing.
//
//   npm run test:cloud                                everything
//   npm run test:cloud -- outages import              these subjects: outages.ts and import.ts of tests/cloud
//   npm run test:cloud -- --test-name-pattern locked  by name (any option of node --test)

import { join } from "node:path";
import { build, deployed } from "./build.mjs";
import { clientEnvironments } from "./client-environments.mjs";
import { cloudEnvironment } from "./cloud-environment.mjs";
import { cloudTemplate } from "./cloud-template.mjs";
import { command, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { run } from "./run.mjs";
import { setup } from "./setup.mjs";
import { runTestFiles, testFiles } from "./typescript.mjs";

await command(async () => {
  const args = process.argv.slice(2);
  const first = args.findIndex((arg) => arg.startsWith("-"));
  const subjects = first < 0 ? args : args.slice(0, first);
  await setup();
  await build(deployed);
  progress("cargo build (the bridge; some minutes the first time)");
  await run("cargo", ["build", "--locked", "--package", "edge-metadata-bridge"]);
  const programs = await cloudEnvironment();
  const template = await cloudTemplate(programs);
  const { newest } = await clientEnvironments();
  progress("a real cloud");
  const env = {
    CLOUD_SUBJECTS: subjects.join(),
    CLOUD_TEMPLATE: template.folder,
    CLOUD_NOVA: programs.nova,
    CLOUD_GLANCE: programs.glance,
    CLOUD_RABBITMQ: programs.rabbitmq,
    CLOUD_EPMD: programs.epmd,
    CLOUD_BRIDGE: process.env["CLOUD_BRIDGE"] ?? join(root, "target", "debug", "edge-metadata-bridge"),
    CLIENTS_PYTHON: newest,
    KEYSTONE_BIN: programs.keystone,
    KEYSTONE_TEMPLATE: join(template.folder, "keystone"),
    KEYSTONE_ADMIN_PASSWORD: template.password,
    KEYSTONE_PROVIDER: "fernet",
  };
  const options = first < 0 ? [] : args.slice(first);
  const { passed, failed } = await runTestFiles(testFiles("tests/cloud", []), { options, env });
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  if (failed > 0) process.exitCode = 1;
});
