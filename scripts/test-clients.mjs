// `npm run test:clients`: the clients that people have, installed from PyPI and not changed, against the
// built wasm in a real workerd.
//
//   npm run test:clients                       all of them
//   npm run test:clients -- -k "locked"        the tests whose name says so (any option of pytest)

import { build, deployed } from "./build.mjs";
import { clientEnvironments } from "./client-environments.mjs";
import { command } from "./command.mjs";
import { setup } from "./setup.mjs";
import { runTypeScript } from "./typescript.mjs";

await command(async () => {
  await setup();
  await build(deployed);
  const { newest, novaclient7 } = await clientEnvironments();
  process.exitCode = await runTypeScript(["tests/clients/run.ts", newest, novaclient7, ...process.argv.slice(2)]);
});
