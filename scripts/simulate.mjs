// `npm run simulate`: a cloud of a million servers, on paper. What it does: benches/simulate.ts.

import { join } from "node:path";
import { command } from "./command.mjs";
import { root } from "./layout.mjs";
import { atLeast } from "./prerequisites.mjs";
import { exitCode } from "./run.mjs";
import { setup } from "./setup.mjs";

await command(async () => {
  await setup();
  const load = atLeast(process.versions.node, [20, 6]) ? "--import" : "--loader";
  const args = [load, "tsx", join(root, "benches", "simulate.ts"), ...process.argv.slice(2)];
  process.exitCode = await exitCode(process.execPath, args, { onStdout: (chunk) => void process.stdout.write(chunk) });
});
