// `npm run test:clients`: the clients that people have, installed from PyPI and not changed, against the
// built wasm in a real workerd.
//
//   npm run test:clients                       all of them
//   npm run test:clients -- -k "locked"        the tests whose name says so (any option of pytest)

import { join } from "node:path";
import { build, deployed } from "./build.mjs";
import { clientEnvironments } from "./client-environments.mjs";
import { command } from "./command.mjs";
import { root } from "./layout.mjs";
import { atLeast } from "./prerequisites.mjs";
import { exitCode } from "./run.mjs";
import { setup } from "./setup.mjs";

await command(async () => {
  await setup();
  await build(deployed);
  const { newest, novaclient7 } = await clientEnvironments();
  // The harness of the tests is TypeScript, so what starts the Worker runs under tsx.
  const tsx = [atLeast(process.versions.node, [20, 6]) ? "--import" : "--loader", "tsx"];
  const suite = join(root, "tests", "clients", "run.ts");
  const code = await exitCode(process.execPath, [...tsx, suite, newest, novaclient7, ...process.argv.slice(2)], {
    onStdout: (chunk) => process.stdout.write(chunk),
  });
  if (code !== 0) process.exitCode = 1;
});
