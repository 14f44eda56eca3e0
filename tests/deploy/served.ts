/** What was uploaded, served on this machine with the bindings that it was uploaded with. */
import { Miniflare, type Namespace } from "../harness.ts";
import { ApiError, type Account, type Binding } from "./account.ts";

const TYPES = new Map([
  ["application/javascript+module", "esm"],
  ["application/wasm", "wasm"],
] as const);

export interface Served {
  url: string;
  stop(): Promise<void>;
}

export async function serve(account: Account, name: string): Promise<Served> {
  const { metadata, modules, bindings } = account.served(name);
  const kept = modules.flatMap(({ name, type, content }) => {
    const known = (TYPES as Map<string, "esm" | "wasm">).get(type);
    return known === undefined ? [] : [{ name, type: known, content }];
  });
  const runtime = new Miniflare({
    cf: false,
    host: "127.0.0.1",
    logRequests: false,
    handleStructuredLogs: () => {},
    enableDevRegistry: false,
    workers: [
      {
        config: {
          name,
          compatibilityDate: metadata.compatibility_date,
          manifest: {
            mainModule: metadata.main_module,
            modules: Object.fromEntries(
              kept.map(({ name, type, content }) => [
                name,
                { type, contents: type === "esm" ? content.toString("utf8") : new Uint8Array(content) },
              ]),
            ),
          },
          env: Object.fromEntries(bindings.map((binding) => [binding.name, bound(name, binding)])),
          exports: Object.fromEntries(
            [...account.script(name).classes].map((name) => [
              name,
              { type: "durable-object" as const, storage: "sqlite" as const },
            ]),
          ),
        },
        dev: { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] },
      },
    ],
  });
  await runtime.ready;
  for (const binding of bindings.filter(({ type }) => type === "kv_namespace")) {
    const namespace = (await runtime.getKVNamespace(binding.name)) as unknown as Namespace;
    for (const [key, { value }] of account.namespace(String(binding["namespace_id"])).pairs) await namespace.put(key, value);
  }
  return { url: (await runtime.unsafeGetDirectURL()).origin, stop: () => runtime.dispose() };
}

type Env = NonNullable<ConstructorParameters<typeof Miniflare>[0]["workers"]>[number]["config"]["env"];

/** The same binding in Miniflare's words. */
function bound(worker: string, binding: Binding): NonNullable<Env>[string] {
  switch (binding.type) {
    case "durable_object_namespace":
      return { type: "durable-object", worker, exportName: String(binding["class_name"]) };
    case "kv_namespace":
      return { type: "kv", id: String(binding["namespace_id"]) };
    case "ratelimit":
      return {
        type: "rate-limit",
        namespace: String(binding["namespace_id"]),
        simple: binding["simple"] as { limit: number; period: 10 | 60 },
      };
    case "plain_text":
    case "secret_text":
      return { type: "text", value: String(binding["text"]) };
    default:
      throw new ApiError(400, 10021, `binding ${binding.name} of type ${binding.type} is not served here`);
  }
}
