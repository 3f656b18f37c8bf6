import { afterAll, expect, test } from "bun:test";
import { startHub } from "../helpers/hub-server.ts";
import { openScreen } from "../helpers/terminal.ts";

const hub = startHub([
  {
    repo: "acme/tiny",
    licence: "mit",
    files: [{ path: "tiny.gguf", values: 4000 }],
    deliveries: [{ stall: 5000 }, {}],
  },
]);
afterAll(() => hub.stop());

test("Ctrl-C leaves what came, and the same command goes on with it", async () => {
  const pull = "rein models pull acme/tiny";
  await using screen = openScreen(
    `trap : INT; ${pull}; echo "[$?]"; rein models list; ${pull}; rein models list`,
    {},
    { env: { HF_ENDPOINT: hub.baseUrl } },
  );
  await screen.until("30 % of 16.6 kB");
  screen.type("\u0003");
  const { code, text } = await screen.end();
  const shown = text.replace(/[\d.]+ k?B\/s · [^\r]+/g, "…").replace(/SHA-256 \w+/, "SHA-256 …");
  expect(code).toBe(0);
  expect(shown).toContain("error:\u001b[0m Interrupted: what is here of 'tiny.gguf' is kept\n[130]\n");
  expect(shown).toContain("tiny  5.0 kB  -             -           -       incomplete\n");
  expect(shown).toContain("Pulling 'acme/tiny:tiny.gguf' (16.6 kB, licence mit, going on at 5.0 kB)\n");
  expect(shown).toContain("Pulled 'local/tiny' (16.6 kB, SHA-256 …)\n");
  expect(shown).toEndWith("tiny  16.6 kB  Q4_K_M        4000        4096    ready\n");
});
