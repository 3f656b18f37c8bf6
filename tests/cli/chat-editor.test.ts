import { expect, test } from "bun:test";
import { chat, ctrl, enter, idle, openChat as open, ready, talker } from "../helpers/chat.ts";

const compose = ctrl("x") + ctrl("e");

/** A chat whose editor is a shell script. */
const withEditor = (lines: string, command = chat, env: Record<string, string> = {}) =>
  open({ ...talker(), "edit.sh": `#!/bin/sh\n${lines}\n` }, `chmod +x edit.sh; ${command}`, {
    EDITOR: "./edit.sh",
    ...env,
  });

test("a message is written in $EDITOR", async () => {
  await using screen = open(
    { ...talker(), "edit.sh": '#!/bin/sh\ncat "$2"\nprintf \' and more\' >> "$2"\n' },
    `chmod +x edit.sh; ${chat}`,
    { EDITOR: "./edit.sh --wait" },
  );
  await screen.until(ready);
  screen.type(`begun${ctrl("x")}${ctrl("e")}`);
  await screen.until("> begun and more");
  screen.type(enter);
  await screen.until("You said: begun and more");
});

test("an editor that fails or leaves no text says so, and what was typed stays", async () => {
  const script =
    'case $(cat "$1") in *1) rm "$1" ;; *2) rm "$1"; mkfifo "$1" ;; *3) truncate -s 20M "$1" ;; *) exit 3 ;; esac';
  await using screen = withEditor(script);
  await screen.until(ready);
  screen.type(`case 1${compose}`);
  await screen.until("no such file or folder");
  screen.type(`${ctrl("h")}2${compose}`);
  await screen.until("it is not a file");
  screen.type(`${ctrl("h")}3${compose}`);
  await screen.until("it has 20971520 bytes");
  screen.type(`${ctrl("h")}4${compose}`);
  await screen.until("ended with exit code 3");
  screen.type(enter);
  await screen.until("You said: case 4");
});

test("lines end as they are typed, however the editor ends them", async () => {
  await using screen = withEditor(`printf 'one\\r\\ntwo\\r\\n' > "$1"`);
  await screen.until(ready);
  screen.type(compose);
  await screen.until("  two");
  screen.type(enter);
  await screen.until("You said: one\ntwo\n");
});

test("Ctrl-C in the editor is the editor's", async () => {
  await using screen = withEditor(
    `trap 'printf " and caught" >> "$1"; exit 0' INT; echo editing; while :; do sleep 0.1; done`,
  );
  await screen.until(ready);
  screen.type(`begun${compose}`);
  await screen.until("editing");
  screen.type(ctrl("c"));
  await screen.until("> begun and caught");
  screen.type(enter);
  await screen.until("You said: begun and caught");
  await screen.until("tokens");
  await idle(screen);
});

test("a chat that is ended takes its editor with it, and leaves nothing", async () => {
  const command = "mkdir tmp; sh -c 'echo $$ > pid; exec rein chat agent.yaml'; echo code $?; ls tmp; echo end";
  await using screen = withEditor("echo editing; kill -TERM $(cat pid); exec sleep 1000", command, { TMPDIR: "tmp" });
  await screen.until(ready);
  screen.type(`begun${compose}`);
  await screen.until("editing");
  await screen.until("end\n");
  expect(screen.text()).toEndWith("code 143\nend\n");
});

test("SIGINT from elsewhere ends the chat with its code and leaves the terminal as it was", async () => {
  await using screen = open(talker(), `exec ${chat}`);
  await screen.until(ready);
  screen.signal("SIGINT");
  const { code, cooked } = await screen.end();
  expect({ code, cooked }).toEqual({ code: 130, cooked: true });
});
