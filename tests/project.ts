import { projectId, resourceId, type Answer, type Fields, type RequestOptions, type Worker } from "./harness.ts";

/** A new project per test, so that tests do not see each other's changes. */
export class Project {
  readonly #tokens = new Map<string, Promise<string>>();

  constructor(
    readonly worker: Worker,
    readonly id: string = projectId(),
  ) {}

  /** Issues a token with these roles in this project. */
  as(...roles: string[]): Promise<string> {
    const name = roles.join();
    const token = this.#tokens.get(name) ?? this.worker.token({ project: this.id, roles });
    this.#tokens.set(name, token);
    return token;
  }

  async server(fields: Fields = {}): Promise<string> {
    const id = resourceId();
    await this.worker.putServer(id, { project_id: this.id, metadata: { key1: "value1", key2: "value2" }, ...fields });
    return id;
  }

  async image(fields: Fields = {}): Promise<string> {
    const id = resourceId();
    await this.worker.putImage(id, { project_id: this.id, metadata: { key1: "value1", key2: "value2" }, ...fields });
    return id;
  }

  /** S2's path. */
  serverItem(id: string, key: string): string {
    return `/v2/${this.id}/servers/${id}/metadata/${key}`;
  }

  /** Sends a DELETE as this project's member, unless the options name another token. */
  async delete(path: string, options: RequestOptions = {}): Promise<Answer> {
    return this.worker.request("DELETE", path, { token: await this.as("member"), ...options });
  }
}

/** S1's path. */
export function imageItem(id: string, key: string): string {
  return `/images/${id}/metadata/${key}`;
}
