import { expect, test } from "bun:test";
import { join } from "node:path";
import {
  agent,
  chat,
  ctrl,
  enter,
  idle,
  left,
  openChat as open,
  ready,
  script,
  seen,
  talker,
  up,
} from "../helpers/chat.ts";
import { screenModel } from "../helpers/screen-model.ts";

test("what is entered is answered, and stands above", async () => {
  await using screen = open(talker());
  await screen.until(ready);
  screen.type(`hello${enter}`);
  await screen.until("You said: hello");
  await screen.until("tokens");
  await idle(screen);
  screen.type(ctrl("d"));
  const { code, cooked } = await screen.end();
  expect({ code, cooked }).toEqual({ code: 0, cooked: true });
  expect(seen(screen)).toMatch(
    /^\n> hello\n\nYou said: hello\n\nTIME\nTo go on: rein chat agent\.yaml --session chat-[\d-]+$/,
  );
});

test("keys edit the line, characters of two columns too", async () => {
  await using screen = open(talker());
  await screen.until(ready);
  screen.type(`漢字x${left}${left}é${ctrl("a")}> ${ctrl("e")}!${"\u001bb"}${enter}`);
  await screen.until("You said:");
  await screen.until("tokens");
  expect(seen(screen)).toContain("> > 漢é字x!\n");
});

test("the cursor is where the next character comes", async () => {
  await using screen = open(talker());
  await screen.until(ready);
  screen.type(`漢字x${left}`);
  await screen.until("漢字x");
  await screen.until("[6C");
  const model = screenModel(80, 24);
  model.write(screen.text());
  expect(model.cursor()).toEqual({ row: 0, column: 6 });
});

test("what was typed before is there again, in the next chat too, and can be searched", async () => {
  const files = talker();
  const both = `${chat}; ls -l .local/state/rein/chat-history | cut -c1-10; echo again; ${chat}`;
  await using screen = open(files, both);
  await screen.until(ready);
  screen.type(`first thing${enter}`);
  await screen.until("You said: first thing");
  screen.type(` not kept${enter}`);
  await screen.until("You said:  not kept");
  screen.type(`second${enter}`);
  await screen.until("You said: second");
  screen.type(`${up}${up}${up}!${enter}`);
  await screen.until("You said: first thing!");
  await screen.until("tokens");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until("-rw-------");
  await screen.until("again");
  await screen.until(ready);
  screen.type(`${up}${up}`);
  await screen.until("> second");
  screen.type(`${ctrl("c")}${ctrl("r")}thi`);
  await screen.until("search 'thi': first thing!");
  screen.type(enter);
  await screen.until("You said: first thing!");
});

test("a secret is not kept in the history", async () => {
  await using screen = open(talker(), `${chat}; cat .local/state/rein/chat-history; echo end`, {
    OPENAI_API_KEY: "sk-very-secret-key",
  });
  await screen.until(ready);
  screen.type(`my key is sk-very-secret-key${enter}`);
  await screen.until("You said: my key is [masked]");
  screen.type(`plain${enter}`);
  await screen.until("You said: plain");
  await screen.until("tokens");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until("end\n");
  expect(screen.text()).toEndWith('\n"plain"\nend\n');
});

test("Alt-Enter and a backslash begin a line, and a paste keeps its lines", async () => {
  await using screen = open(talker());
  await screen.until(ready);
  screen.type(`one\u001b\rtwo\\${enter}\u001b[200~three\nfour\u001b[201~`);
  await screen.until("four");
  expect(seen(screen)).toStartWith("> one\n  two\n  three\n  four\n");
  screen.type(enter);
  await screen.until("You said: one");
  await screen.until("tokens");
  expect(seen(screen)).toContain("> one\n  two\n  three\n  four\n\nYou said: one\ntwo\nthree\nfour\n");
});

test("Ctrl-C stops a turn and keeps what came; the next turn knows of it", async () => {
  await using screen = open({
    "agent.yaml": agent,
    "script.yaml": script({ text: "something and then nothing", drip: "1h" }, { text: "Second answer" }),
  });
  await screen.until(ready);
  screen.type(`go${enter}`);
  await screen.until("something");
  screen.type(ctrl("c"));
  await screen.until("Interrupted");
  screen.type(`on${enter}`);
  await screen.until("Second answer");
  await screen.until("tokens");
  screen.type(`/context${enter}`);
  await screen.until("4 messages");
  await idle(screen);
  screen.type(ctrl("d"));
  expect((await screen.end()).code).toBe(0);
});

test("Ctrl-C twice ends with 130, and leaves the terminal as it was", async () => {
  await using screen = open({ "agent.yaml": agent, "script.yaml": script({ text: "never", delay: "1h" }) });
  await screen.until(ready);
  screen.type(`go${enter}`);
  await screen.until("Ctrl-C stops");
  screen.type(ctrl("c"));
  screen.type(ctrl("c"));
  const { code, cooked, text } = await screen.end();
  expect({ code, cooked }).toEqual({ code: 130, cooked: true });
  expect(text).toMatch(/\u001b\[\?25h\u001b\[\?2004l(To go on: [^\n]*\n)?$/);
});

test("Ctrl-C twice in an answer keeps what came of it on the screen", async () => {
  await using screen = open({
    "agent.yaml": agent,
    "script.yaml": script({ text: "something and then nothing", drip: "1h" }),
  });
  await screen.until(ready);
  screen.type(`go${enter}`);
  await screen.until("something");
  screen.type(`${ctrl("c")}${ctrl("c")}`);
  expect((await screen.end()).code).toBe(130);
  expect(seen(screen)).toMatch(/^\n> go\n\nsomething\n\nInterrupted\n/);
});

test("an answer that never pauses leaves room for keys and sizes", async () => {
  await using screen = open({
    "agent.yaml": agent,
    "script.yaml": script({ text: `${"word ".repeat(100_000)}its end` }, { text: "You said: ${{ prompt }}" }),
  });
  await screen.until(ready);
  screen.type(`go${enter}`);
  await screen.until("word");
  screen.resize(60);
  screen.type("typed");
  await screen.until("> typed");
  screen.type(ctrl("c"));
  await screen.until("Interrupted");
  expect(screen.text()).not.toContain("its end");
  screen.type(enter);
  await screen.until("You said: typed");
});

test.each([
  { how: "Ctrl-C", end: "interrupt · exit code 130" },
  { how: "SIGHUP", end: "hangup · exit code 129" },
])("a turn that $how ends with the chat has an end in the journal", async ({ how, end }) => {
  await using screen = open(
    {
      "agent.yaml": `${agent}tools: [bash_exec]\npermissions: { run: [bash, sleep] }\n`,
      "script.yaml": script({ calls: [{ name: "bash_exec", arguments: { command: "sleep 600" } }] }),
    },
    `sh -c 'echo pid $$; exec ${chat} -P --session one'; rein sessions show one | grep 'exit code'`,
  );
  await screen.until("· one");
  screen.type(`go${enter}`);
  await screen.until("bash_exec");
  if (how === "SIGHUP") process.kill(Number(/pid (\d+)/.exec(screen.text())?.[1]), "SIGHUP");
  else screen.type(`${ctrl("c")}${ctrl("c")}`);
  expect((await screen.end()).text).toContain(end);
});

test("with nothing under way Ctrl-C empties the line, and only twice without one ends", async () => {
  await using screen = open(talker());
  await screen.until(ready);
  screen.type("half a line");
  await screen.until("half a line");
  screen.type(ctrl("c"));
  await screen.until("\u001b[K> \r".replace("\r", ""));
  screen.type(ctrl("c"));
  await screen.until("Ctrl-C once more ends the chat");
  screen.type("x");
  await screen.until("> x");
  screen.type(`${ctrl("c")}${ctrl("c")}${ctrl("c")}`);
  expect((await screen.end()).code).toBe(130);
});

test("what is typed while it works waits, is shown, and is said next", async () => {
  await using screen = open({
    "agent.yaml": agent,
    "script.yaml": script({ text: "slow one", drip: "3s" }, { text: "You said: ${{ prompt }}" }),
  });
  await screen.until(ready);
  screen.type(`first${enter}`);
  await screen.until("slow");
  screen.type(`then this${enter}`);
  await screen.until("waits: then this");
  await screen.until("You said: then this");
  await screen.until("tokens");
  expect(seen(screen)).toContain("> first\n\nslow one\n\nTIME\n\n> then this\n\nYou said: then this");
});

test("Up takes back what waits", async () => {
  await using screen = open({ "agent.yaml": agent, "script.yaml": script({ text: "never", delay: "1h" }) });
  await screen.until(ready);
  screen.type(`first${enter}`);
  await screen.until("Ctrl-C stops");
  screen.type(`then${enter}`);
  await screen.until("waits: then");
  screen.type(up);
  await screen.until("> then");
  expect(seen(screen)).not.toContain("waits");
});

const reader = (...more: unknown[]) => ({
  "agent.yaml": `${agent}tools: [file_read, file_write]\npermissions: { read: [.], write: [.] }\n`,
  "script.yaml": script(
    { text: "Let me look.", calls: [{ name: "file_read", arguments: { path: "a.txt" } }] },
    { text: "It says ${{ results.0 }}" },
    ...more,
  ),
  "a.txt": "alpha\nbeta\n",
});

test("a question stands where text is typed, and what was typed for the next turn is no answer to it", async () => {
  await using screen = open(reader());
  await screen.until(ready);
  screen.type(`read it${enter}`);
  await screen.until("Allow [o]nce, for this");
  await screen.until("--allow-read=");
  screen.type(`o${enter}`);
  await screen.until("✓");
  await screen.until("It says");
  await screen.until("tokens");
  expect(seen(screen)).toMatch(
    /Let me look\.\n\n'agent' wants to read [^\n]*\n[^\n]*\) o\n✓ file_read 'a\.txt' · .* · \[1\]\n\nIt says/,
  );
});

test("what is allowed for the session is not asked again, and shown", async () => {
  const again = { text: "Again", calls: [{ name: "file_read", arguments: { path: "a.txt" } }] };
  await using screen = open(reader(again, { text: "Done" }));
  await screen.until(ready);
  screen.type(`read it${enter}`);
  await screen.until("or [N]o?");
  screen.type(`s${enter}`);
  await screen.until("It says");
  await idle(screen);
  screen.type(`and again${enter}`);
  await screen.until("Done");
  await idle(screen);
  screen.type(`/permissions${enter}`);
  await screen.until("in this chat  read");
  await screen.until("asked for     write");
});

test("no is a no, and the line of the call says so", async () => {
  await using screen = open(reader());
  await screen.until(ready);
  screen.type(`read it${enter}`);
  await screen.until("or [N]o?");
  screen.type(enter);
  await screen.until("✗");
  await screen.until("refused by the user");
});

test("Ctrl-O and /open show a call's whole result", async () => {
  await using screen = open(reader(), `${chat} -P`);
  await screen.until(ready);
  screen.type(`read it${enter}`);
  await screen.until("It says");
  await screen.until("tokens");
  screen.type(ctrl("o"));
  await screen.until('{"path":"a.txt"}');
  await screen.until("beta");
  screen.type(`/open 1${enter}`);
  await screen.until('{"path":"a.txt"}');
  screen.type(`/open 7${enter}`);
  await screen.until("There is no call [7]");
  await idle(screen);
  // It is still on the screen, whatever becomes of the conversation.
  screen.type(`/fork copy${enter}`);
  await screen.until("The copy 'copy' goes on");
  screen.type(`/clear${enter}`);
  await screen.until("1 turn taken back");
  screen.type(`/open 1${enter}`);
  await screen.until('{"path":"a.txt"}');
  await screen.until("beta");
});

test("help and a call's error keep to the terminal's width", async () => {
  const calls = [{ name: "file_read", arguments: { path: "a-name-that-is-rather-long/and-is-not-there.txt" } }];
  await using screen = open(
    {
      "agent.yaml": `${agent}tools: [file_read]\npermissions: { read: [.] }\n`,
      "script.yaml": script({ calls }, { text: "It is not there" }),
    },
    `${chat} -P`,
  );
  await screen.until(ready);
  screen.type(`/help${enter}`);
  await screen.until("twice ends");
  screen.type(`read${enter}`);
  await screen.until("It is not there");
  const rows = screenModel(400, 200);
  rows.write(screen.text());
  const wide = rows
    .text()
    .split("\n")
    .filter((row) => Bun.stringWidth(row) > 80);
  expect(wide).toEqual([]);
});

test("a command that takes nothing does nothing with words behind it", async () => {
  await using screen = open(talker());
  await screen.until(ready);
  screen.type(`hello${enter}`);
  await screen.until("You said: hello");
  screen.type(`/clear the table${enter}`);
  await screen.until("'/clear' takes nothing behind it");
  screen.type(`/context${enter}`);
  await screen.until("2 messages");
});

test("of a long entry that is found, what is looked for is still seen", async () => {
  await using screen = open(talker());
  await screen.until(ready);
  const lines = Array.from({ length: 60 }, (_, index) => `row ${index}`).join("\n");
  screen.type(`\u001b[200~${lines}\u001b[201~${enter}`);
  await screen.until("tokens");
  await idle(screen);
  screen.type(`${ctrl("r")}row 59`);
  await screen.until("search 'row 59':");
});

test.each([{ TERM: "xterm" }, { TERM: "screen-256color", TMUX: "/tmp/tmux-0/default,1,0" }])(
  "a terminal that is resized keeps nothing of what was drawn: %p",
  async (env) => {
    await using screen = open(
      {
        "agent.yaml": agent,
        "script.yaml": script({ text: "word ".repeat(40), drip: "20ms" }),
      },
      chat,
      env,
    );
    await screen.until(ready);
    const typed = "a line that is longer than the terminal will be";
    const model = screenModel(80, 24);
    let fed = 0;
    const feed = () => {
      const text = screen.text();
      model.write(text.slice(fed));
      fed = text.length;
    };
    screen.type(typed);
    await screen.until(typed);
    await idle(screen);
    feed();
    model.resize(30);
    screen.resize(30);
    await screen.until("  the terminal will be");
    await idle(screen);
    feed();
    expect(model.text()).toStartWith("> a line that is longer than\n  the terminal will be\nagent");
  },
);

test("without colours nothing is coloured, and on a dumb terminal there are lines only", async () => {
  await using plain = open(talker(), chat, { NO_COLOR: "1" });
  await plain.until(ready);
  plain.type(`hello${enter}`);
  await plain.until("You said: hello");
  await plain.until("tokens");
  plain.type(ctrl("d"));
  expect((await plain.end()).text).not.toMatch(/\u001b\[[\d;]*m/);

  await using dumb = open(talker(), chat, { TERM: "dumb" });
  await dumb.until("> ");
  dumb.type("hello\n");
  await dumb.until("You said: hello");
  await dumb.until("> ");
  dumb.type("/model\n");
  await dumb.until("scripted/script.yaml");
  await dumb.until("> ");
  dumb.type("\u0004");
  const { code, text } = await dumb.end();
  expect(code).toBe(0);
  expect(text).not.toContain("\u001b");
});

test("a write is shown and taken back with its turn", async () => {
  await using screen = open(
    {
      ...reader(),
      "script.yaml": script(
        { calls: [{ name: "file_write", arguments: { path: "a.txt", content: "gamma\n" } }] },
        { text: "Written" },
      ),
    },
    `${chat} -P; cat a.txt; echo end`,
  );
  await screen.until(ready);
  screen.type(`change it${enter}`);
  await screen.until("Written");
  await screen.until("tokens");
  screen.type(`/undo${enter}`);
  await screen.until("-gamma");
  await screen.until("+beta");
  await screen.until("Take back the last turn and its changes of 1 file?");
  screen.type(`y${enter}`);
  await screen.until("Taken back");
  // What was asked can be asked otherwise.
  await screen.until("> change it");
  screen.type(`${ctrl("u")}/context${enter}`);
  await screen.until("0 messages");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until("end\n");
  expect((await screen.end()).text).toEndWith("alpha\nbeta\nend\n");
});

test("what cannot be given back is told once", async () => {
  await using screen = open(
    {
      ...reader(),
      "script.yaml": script(
        { calls: [{ name: "file_write", arguments: { path: "a.txt", content: "gamma\n" } }] },
        { text: "Written" },
      ),
      "edit.sh": "#!/bin/sh\necho other > a.txt\n",
    },
    `chmod +x edit.sh; ${chat} -P`,
    { EDITOR: "./edit.sh" },
  );
  await screen.until(ready);
  screen.type(`change it${enter}`);
  await screen.until("tokens");
  await idle(screen);
  screen.type(`${ctrl("x")}${ctrl("e")}`);
  await screen.until("\u001b[?2004h");
  screen.type(`/undo${enter}`);
  await screen.until("Take back the last turn? [y/N]");
  screen.type(`y${enter}`);
  await screen.until("Taken back");
  expect(seen(screen).match(/Cannot restore/g)).toHaveLength(1);
});

test("without a terminal there is no chat, and the way out is told", async () => {
  await using screen = open(talker(), `${chat} < /dev/null; echo code $?; ${chat} | cat`);
  await screen.until("'rein chat' needs a terminal on stdin and stdout");
  await screen.until("--session NAME");
  await screen.until("code 2");
  await screen.end();
});

test("a command that there is not is told with the nearest", async () => {
  await using screen = open(talker());
  await screen.until(ready);
  screen.type(`/permissons${enter}`);
  await screen.until("There is no command '/permissons'");
  await screen.until("did you mean '/permissions'?");
  screen.type(`/etc/hosts is a path${enter}`);
  await screen.until("You said: /etc/hosts is a path");
});

test("commands of the agent file say their prompts, and the chat's own win", async () => {
  await using screen = open({
    ...talker(2),
    "agent.yaml": `${agent}commands:\n  explain: { description: Tells it simply, prompt: "Explain \${{ args }} simply" }\n  quit: Never\n  tour: Which files?\n`,
  });
  await screen.until("'/quit' of the agent file is the chat's own");
  screen.type(`/help${enter}`);
  await screen.until("/explain WORDS");
  await screen.until("Tells it simply");
  screen.type(`/expl\tthe moon${enter}`);
  await screen.until("You said: Explain the moon simply");
  await screen.until("tokens");
  screen.type(`/tour here${enter}`);
  await screen.until("'/tour' takes nothing behind it");
  screen.type(`/quit${enter}`);
  expect((await screen.end()).code).toBe(0);
});

test("a session goes on where it was left, and another can be taken up", async () => {
  const files = talker();
  await using screen = open(files, `${chat} --session one; ${chat} --session two; rein sessions list`);
  await screen.until(" · one");
  screen.type(`alpha${enter}`);
  await screen.until("You said: alpha");
  await screen.until("tokens");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until(" · two");
  screen.type(`/resume on\t${enter}`);
  await screen.until("Session 'one' goes on: 1 turn so far");
  screen.type(`beta${enter}`);
  await screen.until("You said: beta");
  await screen.until("tokens");
  screen.type(`/context${enter}`);
  await screen.until("4 messages");
  screen.type(`/clear${enter}`);
  await screen.until("2 turns taken back");
  screen.type(`/context${enter}`);
  await screen.until("0 messages");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until("one");
  expect((await screen.end()).text).not.toContain("\ntwo ");
});

test("the last thing is asked once more, and the first answer is as if it had not been", async () => {
  await using screen = open(talker());
  await screen.until(ready);
  screen.type(`hello${enter}`);
  await screen.until("You said: hello");
  await screen.until("tokens");
  screen.type(`/retry${enter}`);
  await screen.until("Once more: hello");
  await screen.until("You said: hello");
  await idle(screen);
  screen.type(`/context${enter}`);
  await screen.until("2 messages");
  screen.type(`/save out.md${enter}`);
  await screen.until("Written: out.md");
  screen.type(`/save out.md${enter}`);
  await screen.until("Cannot write 'out.md'");
});

test("SIGTERM ends the chat with its code and leaves the terminal as it was", async () => {
  await using screen = open(talker(), `exec ${chat}`);
  await screen.until(ready);
  screen.signal("SIGTERM");
  const { code, cooked } = await screen.end();
  expect({ code, cooked }).toEqual({ code: 143, cooked: true });
});

test("a conversation goes on in a copy, and is written to files by their endings", async () => {
  await using screen = open(talker(), `${chat} --session one; head -c 15 out.html; rein sessions list`);
  await screen.until(" · one");
  screen.type(`alpha${enter}`);
  await screen.until("You said: alpha");
  await screen.until("tokens");
  screen.type(`/fork${enter}`);
  await screen.until("The copy 'one-2' goes on");
  screen.type(`/export out.txt${enter}`);
  await screen.until("ends in .md, .html or .jsonl");
  screen.type(`/export out.html${enter}`);
  await screen.until("Written: out.html");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until("<!doctype html>");
  await screen.until("one-2");
});

test("on a dumb terminal Ctrl-C stops a turn and twice ends the chat, and a backslash goes on", async () => {
  await using screen = open(
    {
      "agent.yaml": agent,
      "script.yaml": script({ text: "You said: ${{ prompt }}" }, { text: "begun, not done", drip: "1h" }),
    },
    chat,
    { TERM: "dumb" },
  );
  await screen.until("> ");
  screen.type("one\\\ntwo\n");
  await screen.until("You said: one\ntwo");
  await screen.until("> ");
  screen.type("go\n");
  await screen.until("begun");
  screen.type(ctrl("c"));
  await screen.until("Interrupted");
  await screen.until("> ");
  screen.type(ctrl("c"));
  const { code, text } = await screen.end();
  expect(code).toBe(130);
  expect(text).toMatch(/\^C\nTo go on: [^\n]*\n$/);
});

test("on a dumb terminal questions are lines too", async () => {
  await using screen = open(reader(), chat, { TERM: "dumb" });
  await screen.until("> ");
  screen.type("read it\n");
  await screen.until("or [N]o?");
  screen.type("o\n");
  await screen.until("✓ file_read");
  await screen.until("It says");
});

test("answers with what a terminal would obey are harmless", async () => {
  await using screen = open({ "agent.yaml": agent, "script.yaml": script({ text: "a\u001b[2Jb\u009bc" }) });
  await screen.until(ready);
  screen.type(`\u001b[200~x\u001b]0;title\u0007y\u001b[201~${enter}`);
  await screen.until("a␛[2Jb");
  await screen.until("tokens");
  expect(screen.text()).not.toContain("\u001b[2J");
  expect(screen.text()).not.toContain("\u001b]0");
});

test("a session that goes on shows where it was left", async () => {
  await using screen = open(talker(), `${chat} --session one; ${chat} --session one`);
  await screen.until(" · one");
  screen.type(`alpha${enter}`);
  await screen.until("You said: alpha");
  await screen.until("tokens");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until("\u001b[?2004l");
  await screen.until("> alpha");
  await screen.until("You said: alpha");
  await screen.until("'one' goes on: 1 turn so far");
});

test("prompts of MCP servers are commands", async () => {
  const server = join(import.meta.dir, "../contracts/fixtures/mcp-stdio.ts");
  await using screen = open(
    {
      ...talker(),
      "agent.yaml": `${agent}mcp: { cases: { command: [${process.execPath}, ${server}] } }\n`,
    },
    `${chat} -P`,
  );
  await screen.until(ready);
  screen.type(`/mcp${enter}`);
  await screen.until("cases");
  await screen.until("ready");
  screen.type(`/cases:\t${enter}`);
  await screen.until("tokens");
  expect(seen(screen)).toContain("You said:");
});

test("Ctrl-Z gives the terminal to the shell until it lets the chat go on", async () => {
  await using screen = open(talker(), "exec bash --norc --noprofile -i", { PS1: "shell> " });
  await screen.until("shell> ");
  screen.type(`${chat}\n`);
  await screen.until(ready);
  screen.type(`half${ctrl("z")}`);
  await screen.until("Stopped");
  await screen.until("shell> ");
  screen.type("echo in between\n");
  await screen.until("in between\n");
  screen.type("fg\n");
  await screen.until("> half");
  screen.type(enter);
  await screen.until("You said: half");
  await screen.until("tokens");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until("shell> ");
});

test("without a key and a name of a model the chat says what can be done, and leaves the terminal as it was", async () => {
  await using screen = open({}, "rein chat; echo code $?; rein chat -; echo code $?");
  await screen.until("error:");
  await screen.until("code 7");
  await screen.until("The agent file '-' is read from stdin");
  await screen.until("code 2");
  expect((await screen.end()).cooked).toBe(true);
});

test("Ctrl-D while something is under way ends the chat after it", async () => {
  await using screen = open({ "agent.yaml": agent, "script.yaml": script({ text: "slow words", drip: "3s" }) });
  await screen.until(ready);
  screen.type(`go${enter}`);
  await screen.until("slow");
  screen.type(ctrl("d"));
  await screen.until("The chat ends when this is done");
  await screen.until("words");
  expect((await screen.end()).code).toBe(0);
});

test("Ctrl-C while it is made ready ends it", async () => {
  await using screen = open(
    { ...talker(), "agent.yaml": `${agent}mcp: { slow: { command: [sleep, "100"], deadline: 60s } }\n` },
    `${chat} -P`,
  );
  await screen.until("making ready");
  screen.type(ctrl("c"));
  const { code, cooked } = await screen.end();
  expect({ code, cooked }).toEqual({ code: 130, cooked: true });
});

test("what is taken back in another conversation is not what was said in this one", async () => {
  await using screen = open(talker(), `${chat} --session one; ${chat} --session two`);
  await screen.until(" · one");
  screen.type(`alpha${enter}`);
  await screen.until("You said: alpha");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until(" · two");
  screen.type(`beta${enter}`);
  await screen.until("You said: beta");
  await idle(screen);
  screen.type(`/resume one${enter}`);
  await screen.until("goes on: 1 turn");
  await idle(screen);
  screen.type(`/retry${enter}`);
  await screen.until("Once more: alpha");
  await screen.until("You said: alpha");
  await idle(screen);
  screen.type(`/undo${enter}`);
  await screen.until("the last turn:");
  await screen.until("[y/N]");
  screen.type(`y${enter}`);
  await screen.until("Taken back");
});
