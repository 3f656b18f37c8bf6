import type { Keychain } from "../../src/host/keychain.ts";

const missing = () => Promise.reject(new Error("libsecret not available"));

/** A machine without a keychain, as Bun tells of it. */
export const noKeychain: Keychain = { get: missing, set: missing, delete: missing };

/** A keychain in memory. */
export function memoryKeychain(): Keychain & { entries: Map<string, string> } {
  const entries = new Map<string, string>();
  return {
    entries,
    get: async (name) => entries.get(name) ?? null,
    set: async (name, value) => void entries.set(name, value),
    delete: async (name) => entries.delete(name),
  };
}
