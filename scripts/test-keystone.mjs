// `npm run test:keystone`: a real Keystone from PyPI that decides about tokens, first with Fernet tokens, then
// with JWS. The Worker is the built wasm in a real workerd.
//
//   npm run test:keystone                             all of it
//   npm run test:keystone -- fernet                   with one kind of token
//   npm run test:keystone -- --test-name-pattern "…"  by name (any option of node --test)

import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { build, deployed } from "./build.mjs";
import { clientEnvironments } from "./client-environments.mjs";
import { Failure, command, progress } from "./command.mjs";
import { keystoneEnvironment, keystoneTemplate } from "./keystone-environment.mjs";
import { setup } from "./setup.mjs";
import { runTestFiles, testFiles } from "./typescript.mjs";

const PROVIDERS = ["fernet", "jws"];

await command(async () => {
  const args = process.argv.slice(2);
  const providers = PROVIDERS.filter((provider) => args[0]?.startsWith("-") !== false || args[0] === provider);
  if (providers.length === 0) throw new Failure(`there is no kind of token ${args[0]}; there are: ${PROVIDERS.join(", ")}`);
  const options = ["--test-concurrency=1", ...args.filter((arg) => !PROVIDERS.includes(arg))];
  await setup();
  await build(deployed);
  const bin = await keystoneEnvironment();
  const { newest } = await clientEnvironments();
  const password = randomBytes(16).toString("hex");
  const template = await keystoneTemplate(bin, password);
  try {
    for (const provider of providers) {
      progress(`a real Keystone with ${provider} tokens`);
      const env = {
        KEYSTONE_BIN: bin,
        KEYSTONE_TEMPLATE: template,
        KEYSTONE_ADMIN_PASSWORD: password,
        KEYSTONE_PROVIDER: provider,
        CLIENTS_PYTHON: newest,
      };
      const { failed } = await runTestFiles(testFiles("tests/keystone", []), { options, env });
      if (failed > 0) process.exitCode = 1;
    }
  } finally {
    rmSync(template, { recursive: true, force: true });
  }
});
