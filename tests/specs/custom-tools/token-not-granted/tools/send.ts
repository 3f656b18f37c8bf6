import { tool } from "rein/tool";
export default tool({
  name: "send",
  description: "Sends",
  permissions: { env: ["SLACK_BOT_TOKEN"] },
  run: () => {
    if (!process.env.SLACK_BOT_TOKEN) throw new Error("SLACK_BOT_TOKEN is not set");
    return "sent";
  },
});
