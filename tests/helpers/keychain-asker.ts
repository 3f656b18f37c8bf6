// Another process with the system's keychain: `bun keychain-asker.ts FOLDER PATIENCE_MS` writes a text, reads and removes it, and says
// what came of each as a line of JSON. Its clock has no more patience than that.
import { systemClock } from "../../src/host/clock.ts";
import { openCredentials } from "../../src/host/credentials.ts";
import { systemKeychain } from "../../src/host/keychain.ts";
import { lock } from "../../src/store/lock.ts";

const [, , folder, patience] = process.argv;
const sleep = (ms: number, signal: AbortSignal) => systemClock.sleep(Math.min(ms, Number(patience)), signal);
const { read, write, remove } = openCredentials({
  folder,
  keychain: systemKeychain,
  clock: { now: systemClock.now, sleep },
  lock: async () => (path) => lock(path, 0),
});
const text = `naïve ${"x".repeat(20_000)}`;
const say = (value: unknown) => console.log(JSON.stringify(value));
say(await write("key", text));
const kept = await read("key");
say(kept.ok ? kept.value === text : kept);
say(await remove("key"));
say(await read("key"));
process.exit();
