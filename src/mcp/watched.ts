type Watch = {
  /** The most bytes of the whole. */
  largest?: number;
  /** The most bytes of one event of an event stream. */
  largestEvent?: number;
  piece(bytes: Uint8Array): void;
  /** Told when it has ended by itself, whole or cut. */
  ended(): void;
};

/** A body that is looked at while it is read. One that is too long ends in an error. */
export function watched(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  { largest = Infinity, largestEvent = Infinity, piece, ended }: Watch,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const reader = body.getReader();
  let size = 0;
  const event = new EventSize();
  return new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (done) {
            controller.close();
            ended();
            return;
          }
          size += value.length;
          if (size > largest || event.after(value) > largestEvent) {
            void reader.cancel();
            throw new Error(
              `it sent a message that is too long: more than ${Math.min(largest, largestEvent) / 1_000_000} MB`,
            );
          }
          piece(value);
          controller.enqueue(value);
        } catch (error) {
          controller.error(error);
          ended();
        }
      },
      cancel: (why) => reader.cancel(why),
    },
    { highWaterMark: 0 },
  );
}

/** How many bytes the event has that is under way: all since the last empty line. */
class EventSize {
  #size = 0;
  /** Where an empty line may have begun. */
  #end: Uint8Array = new Uint8Array();

  after(bytes: Uint8Array): number {
    const seen =
      this.#end.length === 0
        ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
        : Buffer.concat([this.#end, bytes]);
    const last = Math.max(...emptyLines.map((line) => ends(seen, line)));
    this.#size = last === -1 ? this.#size + bytes.length : seen.length - last;
    this.#end = Uint8Array.from(seen.subarray(-3));
    return this.#size;
  }
}

const emptyLines = ["\n\n", "\r\r", "\r\n\r\n"];

/** Where the last of them ends; -1 for none. */
function ends(bytes: Buffer, line: string): number {
  const at = bytes.lastIndexOf(line);
  return at === -1 ? -1 : at + line.length;
}
