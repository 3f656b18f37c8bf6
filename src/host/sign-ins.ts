import type { Clock, Fetch } from "../core/host.ts";
import { isJsonObject } from "../core/json.ts";
import { isOver, type OauthDoor, type OauthSpec, type OauthTokens, type RenewTokens } from "../core/oauth.ts";
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

  const door = (signal: AbortSignal): OauthDoor => {
    const read = async (name: string, spec: OauthSpec): Promise<Result<OauthTokens | undefined>> => {
      const text = await store.read(keyOf(spec, folder));
      if (!text.ok) return text;
      const tokens = text.value === undefined ? undefined : parsed(text.value);
      if (tokens === null) return fail("invalid", `What is kept of the sign-in '${name}' cannot be read: sign out`);
      if (tokens !== undefined) learned(secretsOf(tokens));
      return ok(tokens);
    };
    return {
      read: async (name) => {
        const spec = named(name);
        return spec.ok ? read(name, spec.value) : spec;
      },
      change: async (name, make) => {
        const spec = named(name);
        if (!spec.ok) return spec;
        const key = keyOf(spec.value, folder);
        const locked = await store.lock(key, signal);
        if (!locked.ok) return locked;
        try {
          const kept = await read(name, spec.value);
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
  const text = JSON.stringify([issuer, client_id, scopes.toSorted(), hosts.toSorted(), folder]);
  return new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 32);
}

function secretsOf({ access, refresh }: OauthTokens): string[] {
  return refresh === undefined ? [access] : [access, refresh];
}

/** null for what we have not written. */
function parsed(text: string): OauthTokens | null {
  try {
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value) || value["version"] !== 1) return null;
    const { access, refresh, expires } = value;
    if (typeof access !== "string") return null;
    return {
      access,
      ...(typeof refresh === "string" ? { refresh } : {}),
      ...(typeof expires === "number" ? { expires } : {}),
    };
  } catch {
    return null; // Cut, or changed by somebody else.
  }
}
