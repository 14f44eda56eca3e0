// `npm run test:http-fuzz`: schemathesis from PyPI makes requests out of docs/openapi.yaml, valid ones and
// others, and the running Worker answers none of them with a 5xx.
//
//   npm run test:http-fuzz                              one minute
//   npm run test:http-fuzz -- --seconds 900             a quarter of an hour
//   npm run test:http-fuzz -- --seed 1                  any option of `schemathesis run`

import { build, deployed } from "./build.mjs";
import { schemathesisEnvironment } from "./client-environments.mjs";
import { Failure, command } from "./command.mjs";
import { setup } from "./setup.mjs";
import { runTypeScript } from "./typescript.mjs";

await command(async () => {
  const options = process.argv.slice(2);
  const at = options.indexOf("--seconds");
  const [, seconds = "60"] = at < 0 ? [] : options.splice(at, 2);
  if (!(Number(seconds) >= 4)) throw new Failure(`--seconds ${seconds}: a number of seconds from 4 on is needed`);
  await setup();
  await build(deployed);
  const python = await schemathesisEnvironment();
  process.exitCode = await runTypeScript(["tests/http-fuzz/run.ts", python, seconds, ...options]);
});
