import type { DurableEvent } from "./event.ts";

/** What an event names of what is kept beside the events, by its SHA-256. */
export function attachmentsIn(event: DurableEvent): string[] {
  switch (event.type) {
    case "user":
      return (event.attachments ?? []).map(({ sha256 }) => sha256);
    case "call_end": {
      const { attachments = [], whole } = event;
      return [...attachments, ...(whole === undefined ? [] : [whole])].map(({ sha256 }) => sha256);
    }
    case "file_change":
      return event.before?.sha256 === undefined ? [] : [event.before.sha256];
    default:
      return [];
  }
}
