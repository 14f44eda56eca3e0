// `npm run bench`: what it measures and its options: benches/bench.ts.

import { command } from "./command.mjs";
import { setup } from "./setup.mjs";
import { runTypeScript } from "./typescript.mjs";

await command(async () => {
  await setup();
  process.exitCode = await runTypeScript(["benches/bench.ts", ...process.argv.slice(2)]);
});
