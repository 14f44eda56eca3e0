// `npm run test:keystone`: a real Keystone from PyPI that decides about tokens, first with Fernet tokens, then
// with JWS. The Worker is the built wasm in a real workerd.
//
//   npm run test:keystone                             all of it
//   npm run test:keystone -- fernet                   with one kind of token
//   npm run test:keystone -- --test-name-pattern "…"  by name (any option of node --test)

import { randomBytes } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build, deployed } from "./build.mjs";
import { clientEnvironments } from "./client-environments.mjs";
import { Failure, command, progress } from "./command.mjs";
import { keystoneEnvironment, keystoneTemplate } from "./keystone-environment.mjs";
import { root } from "./layout.mjs";
import { atLeast } from "./prerequisites.mjs";
import { exitCode } from "./run.mjs";
import { setup } from "./setup.mjs";

const PROVIDERS = ["fernet", "jws"];

await command(async () => {
  const args = process.argv.slice(2);
  const providers = PROVIDERS.filter((provider) => args[0]?.startsWith("-") !== false || args[0] === provider);
  if (providers.length === 0) throw new Failure(`there is no kind of token ${args[0]}; there are: ${PROVIDERS.join(", ")}`);
  const options = args.filter((arg) => !PROVIDERS.includes(arg));
  await setup();
  await build(deployed);
  const bin = await keystoneEnvironment();
  const { newest } = await clientEnvironments();
  const password = randomBytes(16).toString("hex");
  const template = await keystoneTemplate(bin, password);
  try {
    for (const provider of providers) {
      progress(`a real Keystone with ${provider} tokens`);
      const code = await exitCode(
        process.execPath,
        [
          ...[atLeast(process.versions.node, [20, 6]) ? "--import" : "--loader", "tsx"],
          ...["--test", "--test-concurrency=1", "--test-reporter=spec", ...options],
          ...readdirSync(join(root, "tests", "keystone")).filter((file) => file.endsWith(".test.ts")).sort()
            .map((file) => join("tests", "keystone", file)),
        ],
        {
          env: {
            KEYSTONE_BIN: bin,
            KEYSTONE_TEMPLATE: template,
            KEYSTONE_ADMIN_PASSWORD: password,
            KEYSTONE_PROVIDER: provider,
            CLIENTS_PYTHON: newest,
          },
          onStdout: (chunk) => process.stdout.write(chunk),
        },
      );
      if (code !== 0) process.exitCode = 1;
    }
  } finally {
    rmSync(template, { recursive: true, force: true });
  }
});
