// A real Keystone, which runs until its tokens are issued and Nova has cached them.
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { keystoneEnvironment, keystoneTemplate } from "../../scripts/keystone-environment.mjs";
import type { Keystone } from "../../tests/keystone/server.ts";
import type { Later } from "../../tests/programs.ts";

/** Longer than a bench takes. */
export const TOKENS_HOLD_SECONDS = 86_400;

export interface Identity {
  keystone: Keystone;
  adminPassword: string;
  project: string;
  user: string;
  /** Issues tokens of a member of the project. */
  tokens: string[];
}

export async function startIdentity(tokenCount: number, later: Later): Promise<Identity> {
  const bin = await keystoneEnvironment();
  const adminPassword = randomBytes(16).toString("hex");
  const template = await keystoneTemplate(bin, adminPassword);
  later(() => rmSync(template, { recursive: true, force: true }));
  Object.assign(process.env, {
    KEYSTONE_BIN: bin,
    KEYSTONE_TEMPLATE: template,
    KEYSTONE_ADMIN_PASSWORD: adminPassword,
    KEYSTONE_PROVIDER: "fernet",
  });
  // It reads these when it is loaded.
  const { startKeystone } = await import("../../tests/keystone/server.ts");
  const keystone = await startKeystone({ expiration: TOKENS_HOLD_SECONDS });
  later(() => keystone.remove());
  await keystone.findable();
  const project = await keystone.project("bench");
  const user = await keystone.user("bench");
  await keystone.grant(user, "member", `/projects/${project}`);
  const tokens: string[] = [];
  for (let number = 0; number < tokenCount; number += 1) tokens.push(await keystone.token(user, { project: { id: project } }));
  return { keystone, adminPassword, project, user: user.id, tokens };
}
