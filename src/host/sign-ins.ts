import type { Clock, Fetch } from "../core/host.ts";
import { isJsonObject, type Json, type JsonObject } from "../core/json.ts";
import {
  isOver,
  type Kept,
  type OauthDoor,
  type OauthSpec,
  type OauthTokens,
  type RenewTokens,
  type ServerSignIn,
} from "../core/oauth.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { credentialsFolder } from "./credentials-folder.ts";
import { openCredentials } from "./credentials.ts";
import { systemKeychain, type Keychain } from "./keychain.ts";
import type { Environment } from "./machine.ts";
import type { Lock } from "./model-files.ts";

export type SignInOptions = {
  specs: Readonly<Record<string, OauthSpec>>;
  /** Of the agent file: no file of another folder gets its sign-ins. */
  folder: string;
  /** Asks the server, which needs a library that is not loaded before. */
  renew: RenewTokens;
  lock: () => Promise<Lock>;
  /** Told of each token before anyone else, so that it can be masked. */
  learned(secrets: readonly string[]): void;
  /** Default: the system's. */
  keychain?: Keychain;
};

/** The sign-ins of one run. */
export type SignIns = {
  door(signal: AbortSignal): OauthDoor;
  /** A token that is good now: renewed where it has ended, by one process at a time. */
  token(name: string, spec: OauthSpec, fetch: Fetch, signal: AbortSignal): Promise<Result<string>>;
};

export function openSignIns(options: SignInOptions, environment: Environment, clock: Clock): SignIns {
  const { specs, folder, renew, lock, learned, keychain = systemKeychain } = options;
  const store = openCredentials({ folder: credentialsFolder(environment), keychain, lock, clock });

  /** One sign-in, as the store has it under that key. `form` reads it; null for what we have not written. */
  const keptAt = <Value extends OauthTokens>(
    name: string,
    key: string,
    form: (value: JsonObject) => Value | null,
    signal: AbortSignal,
  ): Kept<Value> => {
    const read = async (): Promise<Result<Value | undefined>> => {
      const text = await store.read(key);
      if (!text.ok) return text;
      const value = text.value === undefined ? undefined : parsed(text.value, form);
      if (value === null) return fail("invalid", `What is kept of the sign-in '${name}' cannot be read: sign out`);
      if (value !== undefined) learned(secretsOf(value));
      return ok(value);
    };
    return {
      read,
      change: async (make) => {
        const locked = await store.lock(key, signal);
        if (!locked.ok) return locked;
        try {
          const kept = await read();
          // What cannot be read can be replaced.
          if (!kept.ok && kept.error.code !== "invalid") return kept;
          const made = await make(kept.ok ? kept.value : undefined);
          if (!made.ok) return made;
          if (made.value === undefined) return await store.remove(key);
          learned(secretsOf(made.value));
          return await store.write(key, JSON.stringify({ version: 1, ...made.value }));
        } finally {
          locked.value();
        }
      },
    };
  };

  const door = (signal: AbortSignal): OauthDoor => {
    const of = (name: string): Result<Kept<OauthTokens>> => {
      const spec = named(name);
      return spec.ok ? ok(keptAt(name, keyOf(spec.value, folder), tokensOf, signal)) : spec;
    };
    return {
      read: async (name) => {
        const kept = of(name);
        return kept.ok ? kept.value.read() : kept;
      },
      change: async (name, make) => {
        const kept = of(name);
        return kept.ok ? kept.value.change(make) : kept;
      },
      server: (url, client) => keptAt(url.host, serverKeyOf(url, client, folder), serverSignInOf, signal),
    };
  };

  const named = (name: string): Result<OauthSpec> => {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    return spec === undefined ? fail("not_found", `There is no sign-in '${name}'`) : ok(spec);
  };

  return {
    door,
    token: async (name, spec, fetch, signal) => {
      const { read, change } = door(signal);
      const kept = await read(name);
      if (!kept.ok) return kept;
      if (kept.value === undefined) {
        return fail("not_found", `Nobody has signed in to '${name}' yet: call oauth_flow with action sign_in`);
      }
      if (!isOver(kept.value, clock.now())) return ok(kept.value.access);
      let token = "";
      const changed = await change(name, async (now) => {
        if (now === undefined) return fail("not_found", `The sign-in '${name}' was removed meanwhile`);
        // Another process may have renewed it meanwhile, and the old one was good for that only once.
        const fresh = isOver(now, clock.now()) ? await renew(spec, now, { fetch, clock, signal }) : ok(now);
        if (fresh.ok) token = fresh.value.access;
        return fresh;
      });
      return changed.ok ? ok(token) : changed;
    },
  };
}

/** The same server, client, scopes and hosts, for files of one folder, make the same sign-in. */
function keyOf({ issuer, client_id, scopes, hosts }: OauthSpec, folder: string): string {
  return hashOf([issuer, client_id, scopes.toSorted(), hosts.toSorted(), folder]);
}

function serverKeyOf(url: URL, client: string | undefined, folder: string): string {
  const { origin, pathname, search } = url;
  return hashOf(["mcp", `${origin}${pathname}${search}`, client ?? null, folder]);
}

function hashOf(parts: Json[]): string {
  return new Bun.CryptoHasher("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

function secretsOf({ access, refresh, ...more }: OauthTokens | ServerSignIn): string[] {
  const secret = "client" in more ? more.client["client_secret"] : undefined;
  return [access, refresh, secret].filter((one) => typeof one === "string");
}

function tokensOf({ access, refresh, expires }: JsonObject): OauthTokens | null {
  if (typeof access !== "string") return null;
  return {
    access,
    ...(typeof refresh === "string" ? { refresh } : {}),
    ...(typeof expires === "number" ? { expires } : {}),
  };
}

function serverSignInOf(value: JsonObject): ServerSignIn | null {
  const tokens = tokensOf(value);
  const { issuer, client, scope, wants, resource } = value;
  if (tokens === null || typeof issuer !== "string" || !isJsonObject(client)) return null;
  return {
    ...tokens,
    issuer,
    client,
    ...(typeof scope === "string" ? { scope } : {}),
    ...(typeof wants === "string" ? { wants } : {}),
    ...(typeof resource === "string" ? { resource } : {}),
  };
}

/** null for what we have not written. */
function parsed<Value>(text: string, form: (value: JsonObject) => Value | null): Value | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) && value["version"] === 1 ? form(value) : null;
  } catch {
    return null; // Cut, or changed by somebody else.
  }
}
