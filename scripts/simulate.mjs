// `npm run simulate`: a cloud of a million servers, on paper. What it does: benches/simulate.ts.

import { command } from "./command.mjs";
import { setup } from "./setup.mjs";
import { runTypeScript } from "./typescript.mjs";

await command(async () => {
  await setup();
  process.exitCode = await runTypeScript(["benches/simulate.ts", ...process.argv.slice(2)]);
});
