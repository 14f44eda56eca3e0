// `npm run test:http-fuzz`: schemathesis from PyPI makes requests out of docs/openapi.yaml, valid ones and
// others, and the running Worker answers none of them with a 5xx.
//
//   npm run test:http-fuzz                              one minute
//   npm run test:http-fuzz -- --seconds 900             a quarter of an hour
//   npm run test:http-fuzz -- --seed 1                  any option of `schemathesis run`

import { join } from "node:path";
import { build, deployed } from "./build.mjs";
import { schemathesisEnvironment } from "./client-environments.mjs";
import { Failure, command } from "./command.mjs";
import { root } from "./layout.mjs";
import { atLeast } from "./prerequisites.mjs";
import { exitCode } from "./run.mjs";
import { setup } from "./setup.mjs";

await command(async () => {
  const options = process.argv.slice(2);
  const at = options.indexOf("--seconds");
  const [, seconds = "60"] = at < 0 ? [] : options.splice(at, 2);
  if (!(Number(seconds) >= 4)) throw new Failure(`--seconds ${seconds} is no number of seconds from 4 on`);
  await setup();
  await build(deployed);
  const python = await schemathesisEnvironment();
  const tsx = [atLeast(process.versions.node, [20, 6]) ? "--import" : "--loader", "tsx"];
  const suite = join(root, "tests", "http-fuzz", "run.ts");
  const code = await exitCode(process.execPath, [...tsx, suite, python, seconds, ...options], {
    onStdout: (chunk) => process.stdout.write(chunk),
  });
  if (code !== 0) process.exitCode = 1;
});
