import { tool } from "rein/tool";
import { isObject, readAnswer } from "./_answer.ts";

export default tool({
  name: "create_github_issue",
  description: "Opens an issue in a GitHub repository. Answers with its number and URL.",
  input: {
    type: "object",
    properties: {
      repo: {
        type: "string",
        pattern: "^[A-Za-z0-9-]{1,39}/(?!\\.{1,2}$)[A-Za-z0-9._-]{1,100}$",
        description: "The repository as OWNER/NAME",
      },
      title: { type: "string", minLength: 1, maxLength: 256, description: "One line" },
      body: { type: "string", maxLength: 65_536, default: "", description: "The text, in Markdown" },
      labels: {
        type: "array",
        items: { type: "string", minLength: 1 },
        maxItems: 100,
        default: [],
        description: "Names of labels that the repository has",
      },
    },
    required: ["repo", "title"],
    additionalProperties: false,
  },
  effects: "external",
  timeout: "30s",
  permissions: { env: ["GITHUB_TOKEN", "GITHUB_API_URL?"] },
  async run({ repo, title, body = "", labels = [] }) {
    const token = process.env["GITHUB_TOKEN"];
    if (!token) throw new Error("GITHUB_TOKEN is not set");
    const response = await fetch(`${process.env["GITHUB_API_URL"] || "https://api.github.com"}/repos/${repo}/issues`, {
      method: "POST",
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "user-agent": "rein",
        "x-github-api-version": "2022-11-28",
      },
      body: JSON.stringify({ title, body, labels }),
      redirect: "error",
    });
    const { status, ok } = response;
    const read = readAnswer("GitHub", response);
    // A gateway between may answer with a page.
    const { number, html_url: url, ...answer } = ok ? await read : await read.catch(() => ({}));
    if (status !== 201) throw new Error(`GitHub refused it: ${reason(response, answer, repo)}`);
    if (typeof number !== "number" || typeof url !== "string") throw new Error("GitHub did not say which issue it is");
    return { number, url };
  },
});

function reason(response: Response, { message, errors }: Record<string, unknown>, repo: string): string {
  const told = typeof message === "string" ? message : `HTTP ${response.status}`;
  switch (response.status) {
    case 401:
      return `GITHUB_TOKEN is not valid (${told})`;
    case 403:
    case 429:
      return response.headers.get("x-ratelimit-remaining") === "0"
        ? "the rate limit is used up"
        : `GITHUB_TOKEN may not open issues in '${repo}' (${told})`;
    case 404:
      return `there is no repository '${repo}', or GITHUB_TOKEN cannot see it`;
    case 410:
      return `'${repo}' has no issues`;
    case 422:
      return `${told} (${details(errors).join(", ")})`;
    default:
      return told;
  }
}

/** What is wrong with which field; GitHub has them as objects and, at times, as texts. */
function details(errors: unknown): string[] {
  if (!Array.isArray(errors)) return [];
  return errors
    .map((error) => (isObject(error) ? [error["field"], error["code"]] : [error]))
    .map((words) => words.filter((word) => typeof word === "string").join(" "))
    .filter((text) => text !== "");
}
