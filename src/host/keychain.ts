/** Texts that the system keeps for its user. Everything in it throws where the system has no keychain. */
export type Keychain = {
  get(name: string): Promise<string | null>;
  set(name: string, value: string): Promise<void>;
  /** Whether it was there. */
  delete(name: string): Promise<boolean>;
};

/** The service under whose name all entries stand. */
const service = "rein";

/** Keychain on macOS, libsecret on Linux, the credential manager on Windows. */
export const systemKeychain: Keychain = {
  get: (name) => Bun.secrets.get({ service, name }),
  set: (name, value) => Bun.secrets.set({ service, name, value }),
  delete: (name) => Bun.secrets.delete({ service, name }),
};
