// `npm run test:licences`: what may be depended on (deny.toml), and known vulnerabilities as far as the
// databases that list them can be reached from here; where they cannot, it says so and goes on.

import { join } from "node:path";
import { cargoTool } from "./cargo-tools.mjs";
import { Failure, command, progress } from "./command.mjs";
import { root } from "./layout.mjs";
import { capture, run } from "./run.mjs";
import { setupBuild } from "./setup.mjs";

await command(async () => {
  await setupBuild();
  const deny = await cargoTool("cargo-deny");
  if (deny === undefined) throw new Failure("cargo-deny could not be installed");
  for (const manifest of ["Cargo.toml", "fuzz/Cargo.toml"]) {
    progress(`cargo deny check bans licenses sources: ${manifest}`);
    const options = ["--manifest-path", join(root, manifest), "--config", join(root, "deny.toml"), "check"];
    await run(deny, [...options, "bans", "licenses", "sources"]);
  }
  await advisories(deny);
  await audit();
});

/** @param {string} deny */
async function advisories(deny) {
  progress("cargo deny check advisories");
  const { code, stderr } = await capture(deny, ["--manifest-path", join(root, "Cargo.toml"), "check", "advisories"]);
  if (code === 0) return;
  if (/failed to fetch|unable to load advisory|failed to clone|failed to open advisory/i.test(stderr)) {
    return progress("the advisory database cannot be reached from here: advisories are NOT checked");
  }
  throw new Failure(stderr);
}

async function audit() {
  progress("npm audit");
  const { code, stdout, stderr } = await capture("npm", ["audit", "--json", "--audit-level=high"]);
  if (code === 0) return;
  /** @type {{ metadata?: { vulnerabilities?: Record<string, number> } }} */
  let report = {};
  try {
    report = JSON.parse(stdout);
  } catch {
    // Not the report of an audit at all.
  }
  const found = report.metadata?.vulnerabilities;
  if (found === undefined) return progress("npm's advisories cannot be reached from here: packages are NOT audited");
  throw new Failure(`npm audit found ${JSON.stringify(found)}; see \`npm audit\`\n${stderr}`);
}
