import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AccessRequest, Answer } from "../../src/core/permission.ts";
import { failure, nothing, openRoom, type Room } from "./harness.ts";

const all = { offset: 0, limit: 10 };

function asked(
  answer: (request: AccessRequest, signal: AbortSignal) => Promise<Answer> | Answer,
): Room & { questions: string[] } {
  const questions: string[] = [];
  const room = openRoom({
    permissions: { read: ["."], write: ["."], run: ["sh"] },
    deny: { read: ["secret"] },
    grants: nothing,
    ask: async (request, signal) => {
      questions.push(`${request.kind} ${request.shown}`);
      return answer(request, signal);
    },
    place: (cwd) => {
      for (const name of ["a", "b", "secret"]) writeFileSync(join(cwd, name), name);
    },
  });
  return Object.assign(room, { questions });
}

test("once is for one call, session for the rest of the run, and for exactly its target", async () => {
  await using once = asked(() => "once");
  const next = once.open.scoped(async () => undefined, once.abort.signal);
  for (const call of [once.host, next]) {
    expect((await call.fs.stat("a")).ok).toBe(true);
    expect((await call.fs.read("a", all)).ok).toBe(true);
  }
  expect(once.questions).toEqual(["read a", "read a"]);
  expect(once.told.length).toBe(1);

  await using session = asked(() => "session");
  for (const path of ["a", "./a", "b", "a"]) expect((await session.host.fs.read(path, all)).ok).toBe(true);
  expect(session.questions).toEqual(["read a", "read b"]);
  expect(session.told.every((told) => told.verdict === "allow")).toBe(true);
});

test("no is a failure with the flag, and is asked again", async () => {
  await using room = asked(() => "no");
  for (let i = 0; i < 2; i++) {
    expect(failure(await room.host.fs.read("a", all))).toBe(
      "denied: Cannot read 'a': refused by the user (the caller can allow it with --allow-read=a)",
    );
  }
  expect(room.questions.length).toBe(2);
});

test("what is denied or not requested is never asked", async () => {
  await using room = asked(() => "session");
  expect(failure(await room.host.fs.read("secret", all))).toContain("denied by deny.read 'secret'");
  expect(failure(await room.host.fs.read("/etc/passwd", all))).toContain("the agent file does not request it");
  expect(room.questions).toEqual([]);
});

test("questions never overlap, and one answer settles what waited for the same", async () => {
  let open = 0;
  let most = 0;
  await using room = asked(async (): Promise<Answer> => {
    most = Math.max(most, ++open);
    await Bun.sleep(1);
    open -= 1;
    return "session";
  });
  const read = await Promise.all(["a", "b", "a", "b", "a"].map((path) => room.host.fs.read(path, all)));
  expect(read.every((one) => one.ok)).toBe(true);
  expect(most).toBe(1);
  expect(room.questions.toSorted()).toEqual(["read a", "read b"]);
});

test("an abort while a question is open refuses, though nobody said no", async () => {
  await using room = asked((): Promise<Answer> => {
    queueMicrotask(() => room.abort.abort());
    return new Promise(() => undefined);
  });
  expect(failure(await room.host.fs.read("a", all))).toContain("denied: Cannot read 'a': not granted");
  expect(failure(await room.host.fs.read("b", all))).toBe("cancelled: Cannot read 'b': cancelled");
});

test("folders made for a file are asked for one by one, the file only once", async () => {
  await using room = asked(() => "once");
  expect((await room.host.fs.write("x/y/z", new Uint8Array())).ok).toBe(true);
  expect(room.told.map((told) => told.target.slice(room.cwd.length))).toEqual(["/x/y/z", "/x", "/x/y"]);
  expect(room.questions.length).toBe(3);
});
