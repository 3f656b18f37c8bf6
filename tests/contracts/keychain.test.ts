import { expect, test } from "bun:test";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { browse } from "../helpers/oidc-browser.ts";
import { clientId, startOidcServer } from "../helpers/oidc-server.ts";
import { openScreen } from "../helpers/terminal.ts";
import { run } from "../distribution/executable.ts";

// The system's keychain: GNOME's, on a session bus of its own.

const programs = ["dbus-run-session", "gnome-keyring-daemon", "secret-tool", "gdbus"];
const here = programs.every((program) => Bun.which(program) !== null);
const needed = (name: string, check: () => Promise<void>) => test.skipIf(!here)(`a keychain > ${name}`, check, 30_000);

const unlocked = `printf password | gnome-keyring-daemon --unlock --components=secrets > /dev/null
gdbus wait --session --timeout 10 org.freedesktop.secrets`;

/** What the asker says, in a session that these commands set up and end. */
async function ask(patienceMs: number, setUp: string, end = ":"): Promise<unknown[]> {
  const home = realpathSync(mkdtempSync(join(tmpdir(), "rein-keychain-")));
  try {
    const asker = join(import.meta.dir, "../helpers/keychain-asker.ts");
    const script = `${setUp}; '${process.execPath}' '${asker}' "$HOME/tokens" ${patienceMs}; ${end}`;
    const environment = { PATH: process.env["PATH"], HOME: home };
    const { stdout } = await run(["dbus-run-session", "--", "sh", "-c", script], home, environment);
    return stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line.replaceAll(home, "~")));
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

const call = (to: string, path: string, method: string) =>
  `gdbus call --session --dest ${to} --object-path ${path} --method ${method}`;

const inFile = (why: string) => [
  { ok: true, value: { kind: "file", path: "~/tokens/key.json", why } },
  true,
  { ok: true, value: { kind: "file", path: "~/tokens/key.json", why: "" } },
  { ok: true },
];

needed("keeps what is written, and gives it back", async () => {
  const kept = { ok: true, value: { kind: "keychain" } };
  expect(await ask(15_000, unlocked)).toEqual([kept, true, kept, { ok: true }]);
});

needed("that is locked, and that nobody is there to unlock, leaves it to a file", async () => {
  const why = "the keychain cannot be used: Cannot create an item in a locked collection (code: 2)";
  const lock = call("org.freedesktop.secrets", "/org/freedesktop/secrets", "org.freedesktop.Secret.Service.Lock");
  const locked = `${unlocked}; ${lock} "['/org/freedesktop/secrets/collection/login']" > /dev/null`;
  expect(await ask(15_000, locked)).toEqual(inFile(why));
});

needed("that hangs is not waited for, nor does it keep the process from ending", async () => {
  const find = call("org.freedesktop.DBus", "/", "org.freedesktop.DBus.GetConnectionUnixProcessID");
  const hanging = `${unlocked}; pid=$(${find} org.freedesktop.secrets | sed 's/.* //; s/,.*//'); kill -STOP $pid`;
  expect(await ask(300, hanging, "kill -KILL $pid")).toEqual(inFile("the keychain does not answer"));
});

needed("has the token of who signs in with rein on a terminal, and no file has", async () => {
  const server = await startOidcServer();
  try {
    const files = {
      "agent.yaml": `prompt: Sign in
tools: [oauth_flow]
oauth: { id: { issuer: "${server.issuer}", client_id: ${clientId}, scopes: [openid, offline_access], hosts: ["${server.host}"] } }
permissions: { net: ["${server.host}"] }
`,
      "session.sh": `${unlocked}
flow() { rein tools call oauth_flow agent.yaml -P --input '{"action": "'$1'", "name": "id"}'; }
kept() { secret-tool search --all service rein 2> /dev/null | grep -c '^secret'; find . -path '*credentials*' -name '*.json'; }
flow sign_in; kept; flow status; flow sign_out; kept; echo done
`,
    };
    await using screen = openScreen("dbus-run-session -- sh session.sh", files, { columns: 2000 });
    await screen.until("redirect_uri=");
    await screen.until("\n");
    await browse("agree", /http:\S+redirect_uri=\S+/.exec(screen.text())?.[0] ?? "");
    const { text } = await screen.end();
    const lines = text.slice(text.indexOf("Signed in to 'id'")).trim().split("\n");
    expect(lines.map((line) => line.replace(/[.,:] .*/, ""))).toEqual([
      "Signed in to 'id'",
      "1",
      "Somebody has signed in to 'id'",
      "The sign-in to 'id' is forgotten",
      "0",
      "done",
    ]);
  } finally {
    server.stop();
  }
});
