import type { Servers } from "./servers.ts";

type Joined = { count: number; left: Promise<(() => Promise<unknown>) | undefined> };

/** Resources that clients want to hear of: each is subscribed to once, whoever wants it. */
export class Subscriptions {
  readonly #servers: Servers;
  readonly #joined = new Map<string, Joined>();

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  async join(server: string, uri: string): Promise<void> {
    const known = this.#joined.get(uri);
    if (known !== undefined) {
      known.count++;
      return;
    }
    const joined = { count: 1, left: this.#subscribe(server, uri) };
    this.#joined.set(uri, joined);
    await joined.left;
  }

  async leave(uri: string): Promise<void> {
    const joined = this.#joined.get(uri);
    if (joined === undefined || --joined.count > 0) return;
    this.#joined.delete(uri);
    const leave = await joined.left;
    // A server that is gone tells nothing any more.
    await leave?.().catch(() => undefined);
  }

  async #subscribe(server: string, uri: string): Promise<(() => Promise<unknown>) | undefined> {
    const call = { signal: new AbortController().signal };
    const done = await this.#servers.ask(server, `the news of '${uri}'`, call, async (client, { timeout }) => {
      const how = timeout === undefined ? {} : { timeout };
      if (client.getProtocolEra() !== "modern") {
        await client.subscribeResource({ uri }, how);
        return () => client.unsubscribeResource({ uri }, how);
      }
      const subscription = await client.listen({ resourceSubscriptions: [uri] }, how);
      return () => subscription.close();
    });
    return done.ok ? done.value : undefined;
  }
}
