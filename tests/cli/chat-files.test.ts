import { expect, test } from "bun:test";
import { chat, ctrl, enter, idle, openChat as open, ready, seen, talker } from "../helpers/chat.ts";

test("TAB completes commands, files and names", async () => {
  await using screen = open({ ...talker(), "notes.md": "Remember", "notes.txt": "x" });
  await screen.until(ready);
  screen.type("/perm\t");
  await screen.until("> /permissions ");
  screen.type(`${ctrl("u")}see @no\t`);
  await screen.until("> see @notes.");
  screen.type("\t");
  await screen.until("notes.md  notes.txt");
  screen.type("m\t");
  await screen.until("@notes.md ");
  screen.type(`${enter}`);
  await screen.until("Remember");
  await screen.until("tokens");
});

test("files go with what is said next, and an image is shown to the model", async () => {
  await using screen = open({ ...talker(), "notes.md": "Remember" });
  await screen.until(ready);
  screen.type(`/attach notes.md missing.md${enter}`);
  await screen.until("Cannot read 'missing.md'");
  screen.type(`/attach notes.md${enter}`);
  await screen.until("Goes with what is said next");
  await screen.until("@notes.md");
  screen.type(`look${enter}`);
  await screen.until("Remember");
  await screen.until("tokens");
  screen.type(`mail@example.org and @nobody${enter}`);
  await screen.until("You said: mail@example.org and @nobody");
});

test("nobody waits for the writer of a FIFO that is attached", async () => {
  await using screen = open(talker(), `mkfifo pipe; ${chat}`);
  await screen.until(ready);
  screen.type(`/attach pipe${enter}`);
  await screen.until("Cannot read 'pipe': it is not a file");
});

test("a name with blanks is completed in quotes, and attached", async () => {
  await using screen = open(
    { ...talker(), "my notes.md": "Remember", "my list.md": "Milk" },
    `mkdir "some docs"; echo Deep > "some docs/a'b c.md"; ${chat}`,
  );
  await screen.until(ready);
  screen.type("see @my\t");
  await screen.until('> see @"my ');
  screen.type("n\t");
  await screen.until('> see @"my notes.md" ');
  screen.type("and @som\t");
  await screen.until('@"some docs/');
  screen.type("\t");
  await screen.until(`@"some docs/a'b c.md" `);
  screen.type(enter);
  await screen.until("Remember");
  await screen.until("Deep");
  await screen.until("tokens");
  await idle(screen);
  screen.type("/attach my\t");
  await screen.until('> /attach "my ');
  screen.type(`l\t${enter}`);
  await screen.until("Goes with what is said next: my list.md");
});

test("the home is '~/' in what is completed, attached and written", async () => {
  await using screen = open(
    { ...talker(), "notes.md": "Remember" },
    `mkdir sub; cd sub; cp ../script.yaml .; rein chat ../agent.yaml; cat ../answer.md; echo end`,
  );
  await screen.until(ready);
  screen.type("see @~/not\t");
  await screen.until("@~/notes.md ");
  screen.type(enter);
  await screen.until("Remember");
  await screen.until("tokens");
  await idle(screen);
  screen.type(`/save ~/answer.md${enter}`);
  await screen.until("Written: ~/answer.md");
  await idle(screen);
  screen.type(ctrl("d"));
  await screen.until("end\n");
  expect(screen.text()).toMatch(/\nYou said: see @~\/notes\.md [^]*\nend\n$/);
});

test("what cannot be looked at is no file, and ends no chat", async () => {
  await using screen = open({ ...talker(), "notes.md": "Remember" }, `ln -s loop loop; ${chat}`);
  await screen.until(ready);
  screen.type("@lo\t");
  await screen.until("> @loop ");
  screen.type(`@notes.md/x @${"x".repeat(5000)} end${enter}`);
  await screen.until("You said: @loop @notes.md/x");
  await screen.until("tokens");
  await idle(screen);
  screen.type(ctrl("d"));
  expect((await screen.end()).code).toBe(0);
});

test("a name that no line can hold is not proposed, and of many it is told how many there are more", async () => {
  const many = Array.from({ length: 60 }, (_, index) => [`many-${"x".repeat(index)}.txt`, ""]);
  await using screen = open({ ...talker(), ...Object.fromEntries(many), "one\nline": "", "one.txt": "" });
  await screen.until(ready);
  screen.type("@one\t");
  await screen.until("> @one.txt ");
  screen.type("@many\t\t");
  await screen.until("and 4");
  expect(seen(screen)).toMatch(/ {2}and 4\d more\n/);
});
