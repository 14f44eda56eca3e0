/** The projects and users of nova-recorded/README.md, in a real Keystone. */
import type { Keystone, User } from "./server.ts";

const GRANTS: [user: string, project: string, ...roles: string[]][] = [
  ["alice", "acme", "member"],
  ["rita", "acme", "reader"],
  ["mona", "acme", "manager"],
  ["root1", "acme", "admin"],
  ["bob", "other", "member"],
  ["norole", "acme", "service"],
  ["svc", "service", "service", "admin"],
];

export interface People {
  projects: Record<"acme" | "other" | "admin" | "service", string>;
  users: Record<string, User>;
  /** Issues a token for a user of the recording. */
  token(name: string): Promise<string>;
}

export async function settle(keystone: Keystone): Promise<People> {
  const projects = {
    acme: await keystone.project("acme"),
    other: await keystone.project("other"),
    admin: await keystone.project("admin"),
    service: await keystone.project("service"),
  };
  const users: Record<string, User> = {};
  const scopes: Record<string, string> = {};
  for (const [name, project, ...roles] of GRANTS) {
    const user = await keystone.user(name);
    users[name] = user;
    const id = projects[project as keyof typeof projects];
    scopes[name] = id;
    for (const role of roles) await keystone.grant(user, role, `/projects/${id}`);
  }
  const system = await keystone.user("system");
  users["system"] = system;
  await keystone.grant(system, "admin", "/system");
  return {
    projects,
    users,
    async token(name) {
      if (name === "admin") return keystone.admin();
      if (name === "system") return keystone.token(system, { system: { all: true } });
      const user = users[name === "unscoped" ? "alice" : name];
      if (user === undefined) throw new Error(`there is no ${name}`);
      return keystone.token(user, name === "unscoped" ? "unscoped" : { project: { id: scopes[name] ?? "" } });
    },
  };
}
