/**
 * Hands messages on, each in a turn of its own. The SDK acts on an answer at once and on a notification a turn later: of two that came
 * together the progress would be told when nobody waits for it any more.
 */
export function inTurn<Message>(
  deliver: (message: Message) => void,
  failed: (error: unknown) => void,
): (message: Message) => void {
  let last: Promise<void> = Promise.resolve();
  return (message) => {
    last = last.then(() => deliver(message)).catch(failed);
  };
}
