// What is asked in every bench: which servers there are, their items, and the tokens. All of it follows
// from numbers, so that the load generator can make the same up without being told.
import { tokenKey } from "../scripts/token-store.mjs";

export { tokenKey };

export const PROJECT = "e4ee5a9bdf934e35b62c8b995152feee";
export const USER = "2f3c0b1e9d8a4c7fb6a5e4d3c2b1a090";
/** The longest list of items that a server may have. */
export const ITEMS = 128;
/** Tokens that are in use at once. */
export const TOKENS = 10;
/** Connections that delete. */
export const CONNECTIONS = 16;
/** In memory: enough for the fastest side to delete for a second. */
export const SERVERS_PER_SECOND = 100;
/** As long as a Fernet token of a Keystone. */
const TOKEN_LENGTH = 183;
/** May fill the registry; its project is another one. */
export const REGISTRAR = token(0);

/** Tokens 1 to `count` are members of the project. */
export function token(number: number): string {
  return `gAAAAABn${String(number).padStart(TOKEN_LENGTH - 8, "0")}`;
}

export function serverId(number: number): string {
  return `${number.toString(16).padStart(8, "0")}-0000-4000-8000-000000000000`;
}

export function key(number: number): string {
  return `key${number}`;
}

export function itemPath(server: number, item: number): string {
  return `/v2.1/${PROJECT}/servers/${serverId(server)}/metadata/${key(item)}`;
}

export function items(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [key(at), `value of item ${at}`]));
}

export interface Claims {
  user_id: string;
  project_id: string | null;
  roles: string[];
  expires_at: string;
}

export function claims(project: string | null, roles: string[], expiresAt = "2100-01-01T00:00:00Z"): Claims {
  return { user_id: USER, project_id: project, roles, expires_at: expiresAt };
}

/** What the namespace of tokens holds: the registrar's, and `count` of members. */
export function tokens(count: number): Map<string, Claims> {
  const all = new Map([[REGISTRAR, claims("ffffffffffffffffffffffffffffffff", ["admin"])]]);
  for (let number = 1; number <= count; number += 1) all.set(token(number), claims(PROJECT, ["member"]));
  return all;
}
