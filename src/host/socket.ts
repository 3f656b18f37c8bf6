import type { IncomingMessage } from "node:http";
import { isIPv6, type LookupFunction } from "node:net";
import { WebSocket } from "ws-client";
import type { Clock, Socket, SocketOptions } from "../core/host.ts";
import { runtimeText } from "../core/net-error.ts";
import { fail, ok, type Failure, type Result } from "../core/result.ts";
import { errorCode } from "./machine.ts";
import { isUnconnected, unreached } from "./unreached.ts";

// On the `ws` package, since Bun's own WebSocket takes messages of any size into memory. Under its own name Bun would put its
// own in the place of it.

/** How often the other side is asked whether it is still there, in milliseconds. */
const pingMs = 30_000;

/** How long a good-bye may take. */
const closeMs = 1_000;

type Options = SocketOptions & { clock: Pick<Clock, "sleep">; ca: string | undefined };

/** Dials the first of these addresses that somebody listens on; nothing resolves the name again. */
export async function openSocket(url: URL, addresses: readonly string[], options: Options): Promise<Socket | Response> {
  for (let index = 0; ; index++) {
    try {
      return await dial(url, addresses[index] ?? "", options);
    } catch (error) {
      if (index + 1 >= addresses.length || !isUnconnected(error))
        throw unreached({ url, signal: options.signal }, error);
    }
  }
}

function dial(url: URL, address: string, options: Options): Promise<Socket | Response> {
  const { signal, headers, protocol, largest, ca } = options;
  signal.throwIfAborted();
  const found = [{ address, family: isIPv6(address) ? 6 : 4 }];
  const lookup: LookupFunction = (_, { all }, tell) =>
    all === true ? tell(null, found) : tell(null, address, found[0]?.family);
  const socket = new WebSocket(url, protocol === "" ? [] : [protocol], {
    headers: Object.fromEntries(headers),
    lookup,
    maxPayload: largest,
    // What is small when packed may be very large.
    perMessageDeflate: false,
    followRedirects: false,
    ...(ca === undefined ? {} : { ca }),
  });
  return new Promise((resolve, reject) => {
    const abort = () => socket.terminate();
    signal.addEventListener("abort", abort, { once: true });
    const settled = () => signal.removeEventListener("abort", abort);
    // It tells of errors after the handshake, too.
    socket.on("error", (error) => {
      settled();
      reject(error);
    });
    socket.once("unexpected-response", (_, answer) => {
      answer.once("close", settled);
      const { statusCode: status = 0 } = answer;
      if (status >= 200 && status <= 599) return resolve(responseOf(status, answer));
      answer.destroy();
      reject(new Error(`it answers with the status ${status}`));
    });
    socket.once("open", () => {
      settled();
      resolve(opened(socket, options));
    });
  });
}

/** What a server says that opens no socket. */
function responseOf(status: number, answer: IncomingMessage): Response {
  const { statusMessage: statusText = "" } = answer;
  const headers = new Headers();
  for (const [name, value] of Object.entries(answer.headers)) {
    for (const one of [value ?? []].flat()) headers.append(name, one);
  }
  const parts: AsyncIterator<Uint8Array<ArrayBuffer>> = answer[Symbol.asyncIterator]();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      pull: async (controller) => {
        const part = await parts.next();
        if (part.done === true) controller.close();
        else controller.enqueue(part.value);
      },
      cancel: () => void answer.destroy(),
    },
    { highWaterMark: 0 },
  );
  return new Response([204, 205, 304].includes(status) ? null : body, { status, statusText, headers });
}

function opened(socket: WebSocket, { onText, signal, clock }: Options): Socket {
  const ended = Promise.withResolvers<Result<{ code: number; reason: string }>>();
  const settled = new AbortController();
  let failure: Failure | undefined;

  /** Ends it without a word: of why, the first counts. */
  const cut = (why: Failure) => {
    failure ??= why;
    socket.terminate();
  };
  const abort = () => cut({ code: "cancelled", message: "cancelled" });
  signal.addEventListener("abort", abort, { once: true });

  socket.on("message", (bytes: Buffer, isBinary: boolean) => {
    if (isBinary) cut({ code: "invalid", message: "it sent a binary message" });
    else if (failure === undefined) onText(bytes.toString("utf8"));
  });
  socket.on("error", (error) => cut(failureOf(error)));
  socket.once("close", (code, reason) => {
    signal.removeEventListener("abort", abort);
    settled.abort();
    const cutOff: Failure = { code: "failed", message: "the connection was cut" };
    if (failure === undefined && code !== 1006) ended.resolve(ok({ code, reason: reason.toString("utf8") }));
    else ended.resolve({ ok: false, error: failure ?? cutOff });
  });

  const watch = async () => {
    let answered = true;
    socket.on("pong", () => (answered = true));
    for (;;) {
      await clock.sleep(pingMs, settled.signal);
      if (socket.readyState !== WebSocket.OPEN) return;
      if (!answered) return cut({ code: "timeout", message: "it does not answer any more" });
      answered = false;
      socket.ping();
    }
  };
  void watch();

  return {
    protocol: socket.protocol,
    ended: ended.promise,
    send: (text) =>
      new Promise((resolve) => {
        const gone = fail("failed", "the connection has ended");
        if (socket.readyState !== WebSocket.OPEN) return resolve(gone);
        socket.send(text, (error) => resolve(error ? gone : ok(undefined)));
      }),
    close: () => {
      socket.close(1000);
      void clock.sleep(closeMs, settled.signal).then(() => socket.terminate());
    },
  };
}

function failureOf(error: unknown): Failure {
  const code = errorCode(error);
  if (code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH")
    return { code: "too_large", message: "it sent a message that is too long" };
  if (code.startsWith("WS_ERR_")) return { code: "invalid", message: `it broke the protocol: ${runtimeText(error)}` };
  return { code: "failed", message: "the connection was cut" };
}
