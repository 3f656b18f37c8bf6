/**
 * A port of the loopback on which nothing listens, for a program that must be told one. It is below those that the kernel hands to
 * whoever asks for any, so that nobody is given it before the program has it.
 */
export function freePort(): number {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data: () => undefined } }).stop(true);
      return port;
    } catch {
      continue; // Somebody listens there.
    }
  }
}
