import type { Client, LoggingMessageNotificationParams } from "@modelcontextprotocol/client";

/** What a server says without being asked. */
export type Heard =
  | { kind: "log"; entry: LoggingMessageNotificationParams }
  /** A resource that was subscribed to is another. */
  | { kind: "updated"; uri: string }
  /** Its list of these is another. */
  | { kind: "prompts" }
  | { kind: "resources" };

export function listenTo(client: Client, heard: (heard: Heard) => void): void {
  client.setNotificationHandler("notifications/message", ({ params }) => heard({ kind: "log", entry: params }));
  client.setNotificationHandler("notifications/resources/updated", ({ params }) =>
    heard({ kind: "updated", uri: params.uri }),
  );
}
