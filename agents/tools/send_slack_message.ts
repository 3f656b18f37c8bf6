import { tool } from "rein/tool";
import { readAnswer } from "./_answer.ts";

/** What Slack says in words that name the way out; other errors are told by their code. */
const ways: Record<string, string> = {
  not_in_channel: "the app is not in that channel: invite it with /invite",
  channel_not_found: "there is no such channel, or the app cannot see it",
  invalid_auth: "SLACK_BOT_TOKEN is not valid",
  not_authed: "SLACK_BOT_TOKEN is not valid",
  token_revoked: "SLACK_BOT_TOKEN was revoked",
  missing_scope: "SLACK_BOT_TOKEN lacks the scope 'chat:write'",
  msg_too_long: "the message is too long: send it in parts",
};

export default tool({
  name: "send_slack_message",
  description: "Sends a message to a Slack channel. Answers with the channel's id and the message's ts.",
  input: {
    type: "object",
    properties: {
      channel: {
        type: "string",
        minLength: 1,
        maxLength: 200,
        description: "The channel's id or name, for example C0123456789 or #builds",
      },
      message: { type: "string", minLength: 1, maxLength: 40_000, description: "The text, in Slack's mrkdwn" },
    },
    required: ["channel", "message"],
    additionalProperties: false,
  },
  effects: "external",
  timeout: "30s",
  permissions: { env: ["SLACK_BOT_TOKEN", "SLACK_API_URL?"] },
  async run({ channel, message }) {
    const token = process.env["SLACK_BOT_TOKEN"];
    if (!token) throw new Error("SLACK_BOT_TOKEN is not set");
    const response = await fetch(`${process.env["SLACK_API_URL"] || "https://slack.com/api"}/chat.postMessage`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ channel, text: message }),
      redirect: "error",
    });
    if (response.status === 429) {
      throw new Error(`Slack asks to wait ${response.headers.get("retry-after") ?? "some"} seconds`);
    }
    if (!response.ok) throw new Error(`Slack answered with HTTP ${response.status}`);
    const { ok, error, channel: id, ts } = await readAnswer("Slack", response);
    if (ok !== true) {
      const code = typeof error === "string" ? error : "no reason given";
      throw new Error(`Slack refused it: ${Object.hasOwn(ways, code) ? ways[code] : code}`);
    }
    if (typeof id !== "string" || typeof ts !== "string") throw new Error("Slack did not say where the message is");
    return { channel: id, ts };
  },
});
