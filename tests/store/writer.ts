// A process that journals runs, for tests of several processes: writer.ts LOCATION RUN COUNT [SESSION]
import { openStore } from "../../src/store/open.ts";

const [location = "", id = "", count = "0", session] = process.argv.slice(2);
const store = await openStore(location);
if (!store.ok) throw new Error(store.error.message);
const run = { id, agent: "a", model: "m", time: 1 };
const journal = await store.value.begin(session === undefined ? run : { ...run, session });
if (!journal.ok) throw new Error(journal.error.message);
for (let seq = 0; seq < Number(count); seq++) {
  const text = "x".repeat(1000);
  const done = await journal.value.append({ seq, time: 1, type: "user", text }, seq % 10 === 0 ? "flush" : "normal");
  if (!done.ok) {
    console.log(done.error.message);
    process.exit(1);
  }
}
console.log("written");
// With a session the run goes on until the process is killed.
if (session !== undefined) await Bun.sleep(60_000);
