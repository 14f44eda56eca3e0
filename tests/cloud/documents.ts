// What docs/operate.md tells an operator to write and to run.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";

import { root } from "../../scripts/layout.mjs";

const text = readFileSync(path.join(root, "docs", "operate.md"), "utf8");

/** The settings that are shown for Nova or Glance: the first block after the name. */
export function settings(service: "Nova" | "Glance"): string {
  const block = new RegExp(`\\*\\*${service}\\*\\*[^]*?\`\`\`ini\\n([^]*?)\`\`\``).exec(text)?.[1];
  assert.ok(block, `docs/operate.md shows no settings for ${service}`);
  return block;
}

/** Every command in it, those in the middle of a sentence included, once each and in their order. */
export function commands(): string[] {
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => (block ?? "").split("\n"));
  const spans = [...text.replace(/```[\s\S]*?```/g, "").matchAll(/`([^`]+)`/g)].map(([, span]) =>
    (span ?? "").replaceAll("\n", " "),
  );
  const programs = /^(edge-metadata-bridge|rabbitmqctl|openstack|systemctl|npm run|cargo) \S/;
  const all = [...blocks, ...spans].map((line) => line.replace(/\s+#.*$/, "").trim()).filter((line) => programs.test(line));
  return [...new Set(all)];
}
