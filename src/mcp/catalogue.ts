import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError, UriTemplate } from "@modelcontextprotocol/server";
import type { Prompt, Resource, ResourceTemplateType } from "@modelcontextprotocol/server";
import type { Asker, Relay } from "./relay.ts";
import type { Servers } from "./servers.ts";

/** What the servers of a gateway list beside tools, and whose each is. Nothing of it is kept: it is asked for each time. */
export class Catalogue {
  readonly #servers: Servers;
  readonly #names: readonly string[];
  readonly #relay: Relay;

  constructor({ servers, names }: { servers: Servers; names: readonly string[] }, relay: Relay) {
    this.#servers = servers;
    this.#names = names;
    this.#relay = relay;
  }

  async prompts(asker: Asker): Promise<Array<{ from: string; prompt: Prompt }>> {
    const lists = await this.#ofEach("prompts", asker, async (from) => {
      const { prompts } = await this.#relay.ask(from, "the list of prompts", asker, (client, how) =>
        client.listPrompts(undefined, how),
      );
      return prompts.map((prompt) => ({ from, prompt }));
    });
    const names = new Set<string>();
    // Of two with one name the first one of the file is meant.
    return lists.filter(({ prompt }) => !names.has(prompt.name) && names.add(prompt.name));
  }

  async promptOf(name: string, asker: Asker): Promise<string> {
    const found = (await this.prompts(asker)).find(({ prompt }) => prompt.name === name);
    if (found === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, `No prompt '${name}'`);
    return found.from;
  }

  resources(asker: Asker): Promise<Array<{ from: string; resource: Resource }>> {
    return this.#ofEach("resources", asker, async (from) => {
      const { resources } = await this.#relay.ask(from, "the list of resources", asker, (client, how) =>
        client.listResources(undefined, how),
      );
      return resources.map((resource) => ({ from, resource }));
    });
  }

  templates(asker: Asker): Promise<Array<{ from: string; template: ResourceTemplateType }>> {
    return this.#ofEach("resources", asker, async (from) => {
      const { resourceTemplates } = await this.#relay.ask(from, "the list of templates", asker, (client, how) =>
        client.listResourceTemplates(undefined, how),
      );
      return resourceTemplates.map((template) => ({ from, template }));
    });
  }

  /** Whose resource it is: of who lists it, or has a template that makes it; of the only one that has any. */
  async resourceOf(uri: string, asker: Asker): Promise<string> {
    const able = this.#able("resources");
    const [only, ...others] = able;
    if (only !== undefined && others.length === 0) return only;
    const listed = (await this.resources(asker)).find(({ resource }) => resource.uri === uri);
    if (listed !== undefined) return listed.from;
    const made = (await this.templates(asker)).find(
      ({ template: { uriTemplate } }) => uriTemplate === uri || new UriTemplate(uriTemplate).match(uri) !== null,
    );
    if (made === undefined) throw new ResourceNotFoundError(uri);
    return made.from;
  }

  #able(what: "prompts" | "resources"): string[] {
    return this.#names.filter((name) => this.#servers.abilities(name)?.[what] !== undefined);
  }

  /** What all servers list. One that does not answer has nothing. */
  async #ofEach<T>(what: "prompts" | "resources", { context }: Asker, list: (from: string) => Promise<T[]>) {
    const lists = await Promise.all(this.#able(what).map((name) => list(name).catch((): T[] => [])));
    context.mcpReq.signal.throwIfAborted();
    return lists.flat();
  }
}
