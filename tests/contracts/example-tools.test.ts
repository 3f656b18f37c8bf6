import { afterAll, describe, expect, test } from "bun:test";
import { join } from "node:path";

// The tools of agents/tools by the real executable, against servers that speak as Slack's and GitHub's APIs do.

const root = join(import.meta.dir, "../..");

type Asked = { method: string; path: string; headers: Headers; body: unknown };
const asked: Asked[] = [];

/** What neither API would say, by the name of a channel or repository. */
const odd: Record<string, () => Response> = {
  page: () => new Response("<html>Sign in to the Wi-Fi</html>", { headers: { "content-type": "text/html" } }),
  nothing: () => new Response(""),
  null: () => Response.json(null),
  strange: () => Response.json({ ok: false, error: "constructor", message: 7, errors: [null, "no"] }, { status: 200 }),
  bare: () => Response.json({ ok: true }, { status: 201 }),
  long: () => new Response("x".repeat(3_000_000)),
  refused: () => Response.json({ message: "Invalid", errors: [null, "no", { field: "body" }] }, { status: 422 }),
  gateway: () => new Response("null", { status: 502 }),
};

/** Slack: https://docs.slack.dev/reference/methods/chat.postMessage. Errors are HTTP 200 with `ok: false`. */
function slack({ headers, body }: Asked): Response {
  const { channel, text } = Object(body);
  const refuse = (error: string) => Response.json({ ok: false, error });
  if (headers.get("authorization") !== "Bearer xoxb-good-token") return refuse("invalid_auth");
  const other = odd[String(channel).replace("#odd-", "")];
  if (other !== undefined) return other();
  if (channel === "#busy") return new Response("", { status: 429, headers: { "retry-after": "30" } });
  if (channel === "#down") return new Response("<html>", { status: 503 });
  if (channel === "#elsewhere") return Response.redirect("http://127.0.0.1:1/", 307);
  if (channel === "#private") return refuse("not_in_channel");
  if (channel !== "#builds") return refuse("channel_not_found");
  const message = { type: "message", text, bot_id: "B1", ts: "1503435956.000247" };
  return Response.json({ ok: true, channel: "C0123456789", ts: "1503435956.000247", message });
}

/** GitHub: https://docs.github.com/rest/issues/issues#create-an-issue. */
function github({ headers, path, body }: Asked): Response {
  const documentation_url = "https://docs.github.com/rest";
  const refuse = (status: number, message: string, more: object = {}, extra: Record<string, string> = {}) =>
    Response.json({ message, documentation_url, status: String(status), ...more }, { status, headers: extra });
  if (headers.get("authorization") !== "Bearer ghp_good_token") return refuse(401, "Bad credentials");
  const other = odd[path.split("/")[3]?.replace("odd-", "") ?? ""];
  if (other !== undefined) return other();
  if (path === "/repos/ada/limited/issues") {
    return refuse(403, "API rate limit exceeded", {}, { "x-ratelimit-remaining": "0" });
  }
  if (path === "/repos/ada/readonly/issues") return refuse(403, "Resource not accessible by personal access token");
  if (path === "/repos/ada/off/issues") return refuse(410, "Issues has been disabled in this repository.");
  if (path !== "/repos/ada/engine/issues") return refuse(404, "Not Found");
  const { title, labels } = Object(body);
  if (labels.includes("none")) {
    return refuse(422, "Validation Failed", { errors: [{ resource: "Label", field: "name", code: "invalid" }] });
  }
  const html_url = "https://github.com/ada/engine/issues/1347";
  return Response.json({ id: 1, number: 1347, title, html_url, state: "open" }, { status: 201 });
}

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const one = {
      method: request.method,
      path: pathname.replace(/^\/(slack|github)/, ""),
      headers: request.headers,
      body: await request.json(),
    };
    asked.push(one);
    return pathname.startsWith("/slack") ? slack(one) : github(one);
  },
});
afterAll(() => server.stop(true));

const agent = (tools: string) => `prompt: hi
tools_dir: agents/tools
tools: [${tools}]
permissions: { env: [SLACK_BOT_TOKEN, SLACK_API_URL, GITHUB_TOKEN, GITHUB_API_URL] }
`;

async function call(name: string, input: object, env: Record<string, string> = {}, grants = ["-P"]) {
  const child = Bun.spawn(
    [join(root, "dist/rein"), "tools", "call", name, "-", "--input", JSON.stringify(input), ...grants],
    {
      cwd: root,
      env: {
        PATH: process.env["PATH"],
        SLACK_API_URL: `${server.url}slack`,
        GITHUB_API_URL: `${server.url}github`,
        ...env,
      },
      stdin: new TextEncoder().encode(agent(name)),
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, stdout, stderr };
}

describe("send_slack_message", () => {
  const token = { SLACK_BOT_TOKEN: "xoxb-good-token" };
  const send = (channel: string, env: Record<string, string> = token) =>
    call("send_slack_message", { channel, message: "Built *42*" }, env);

  test("posts as Slack wants it, and answers with channel and ts", async () => {
    const { code, stdout } = await send("#builds");
    expect({ code, answer: JSON.parse(stdout) }).toEqual({
      code: 0,
      answer: { channel: "C0123456789", ts: "1503435956.000247" },
    });
    const { method, path, headers, body } = asked.at(-1) ?? { headers: new Headers() };
    expect({ method, path, body, type: headers.get("content-type") }).toEqual({
      method: "POST",
      path: "/chat.postMessage",
      body: { channel: "#builds", text: "Built *42*" },
      type: "application/json; charset=utf-8",
    });
  });

  test("tells what Slack refused and what helps, and never the token", async () => {
    const expected: Array<[string, string]> = [
      ["#private", "Slack refused it: the app is not in that channel: invite it with /invite"],
      ["#none", "Slack refused it: there is no such channel, or the app cannot see it"],
      ["#busy", "Slack asks to wait 30 seconds"],
      ["#down", "Slack answered with HTTP 503"],
      ["#elsewhere", "redirect"],
    ];
    for (const [channel, why] of expected) {
      const { code, stderr } = await send(channel);
      expect({ channel, code, stderr }).toEqual({
        channel,
        code: 5,
        stderr: expect.stringMatching(new RegExp(why, "i")),
      });
      expect(stderr).not.toContain("xoxb-good-token");
    }
    expect((await send("#builds", { SLACK_BOT_TOKEN: "xoxb-bad-token" })).stderr).toContain(
      "SLACK_BOT_TOKEN is not valid",
    );
  });

  test("takes no answer that is none for a message that was sent", async () => {
    const expected: Array<[string, string]> = [
      ["page", "The answer of Slack is no JSON object"],
      ["nothing", "The answer of Slack is no JSON object"],
      ["null", "The answer of Slack is no JSON object"],
      ["strange", "Slack refused it: constructor"],
      ["bare", "Slack did not say where the message is"],
      ["long", "The answer of Slack is too long"],
    ];
    for (const [name, why] of expected) {
      expect(await send(`#odd-${name}`)).toMatchObject({ code: 5, stderr: expect.stringContaining(why) });
    }
  });

  test("names its token where that is not granted, or not set", async () => {
    const input = { channel: "#builds", message: "x" };
    const denied = await call("send_slack_message", input, token, ["--allow-env=SLACK_API_URL"]);
    expect(denied).toMatchObject({ code: 3, stderr: expect.stringContaining("--allow-env=SLACK_BOT_TOKEN") });
    expect(await send("#builds", {})).toMatchObject({
      code: 5,
      stderr: expect.stringContaining("SLACK_BOT_TOKEN is not set"),
    });
  });
});

describe("create_github_issue", () => {
  const token = { GITHUB_TOKEN: "ghp_good_token" };
  const create = (repo: string, more: object = {}) =>
    call("create_github_issue", { repo, title: "It fails", ...more }, token);

  test("posts as GitHub wants it, and answers with number and URL", async () => {
    const { code, stdout } = await create("ada/engine", { body: "Steps", labels: ["bug"] });
    expect({ code, answer: JSON.parse(stdout) }).toEqual({
      code: 0,
      answer: { number: 1347, url: "https://github.com/ada/engine/issues/1347" },
    });
    const { headers, body } = asked.at(-1) ?? { headers: new Headers() };
    expect(body).toEqual({ title: "It fails", body: "Steps", labels: ["bug"] });
    expect([headers.get("accept"), headers.get("x-github-api-version")]).toEqual([
      "application/vnd.github+json",
      "2022-11-28",
    ]);
  });

  test("tells what GitHub refused", async () => {
    const expected: Array<[string, object, string]> = [
      ["ada/none", {}, "there is no repository 'ada/none', or GITHUB_TOKEN cannot see it"],
      ["ada/off", {}, "'ada/off' has no issues"],
      ["ada/limited", {}, "the rate limit is used up"],
      ["ada/readonly", {}, "GITHUB_TOKEN may not open issues in 'ada/readonly'"],
      ["ada/engine", { labels: ["none"] }, "Validation Failed (name invalid)"],
    ];
    for (const [repo, more, why] of expected) {
      expect(await create(repo, more)).toMatchObject({
        code: 5,
        stderr: expect.stringContaining(`GitHub refused it: ${why}`),
      });
    }
  });

  test("takes no answer that is none for an issue that was opened", async () => {
    const expected: Array<[string, string]> = [
      ["page", "The answer of GitHub is no JSON object"],
      ["strange", "GitHub refused it: HTTP 200"],
      ["bare", "GitHub did not say which issue it is"],
      ["long", "The answer of GitHub is too long"],
      ["refused", "GitHub refused it: Invalid (no, body)"],
      ["gateway", "GitHub refused it: HTTP 502"],
    ];
    for (const [name, why] of expected) {
      expect(await create(`ada/odd-${name}`)).toMatchObject({ code: 5, stderr: expect.stringContaining(why) });
    }
  });

  test("takes nothing as a repository that would be another path", async () => {
    const before = asked.length;
    for (const repo of [
      "ada/..",
      "../orgs",
      "ada/engine/../../user",
      "ada/engine?x=1",
      "ada",
      "ada/a b",
      "-/\n",
      "/",
    ]) {
      expect(await create(repo)).toMatchObject({ code: 2, stderr: expect.stringContaining("do not fit") });
    }
    expect(asked.length).toBe(before);
  });
});

test("count_words counts", async () => {
  const { code, stdout } = await call("count_words", { text: "to be, or not to be\nÄh", top: 1 });
  expect({ code, answer: JSON.parse(stdout) }).toEqual({
    code: 0,
    answer: { words: 7, lines: 2, characters: 22, top: { to: 2 } },
  });
});
