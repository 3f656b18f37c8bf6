import type { Clock, Host, Person } from "./host.ts";
import { fail, ok, type Result } from "./result.ts";

/** How long a person has, in milliseconds. */
export const patienceMs = 300_000;

/** Where the browser comes back to. */
const callbackPath = "/callback";

/** A person at a browser of this machine, who is asked for something. */
export type AtBrowser = {
  host: Pick<Host, "net" | "process">;
  person: Person;
  clock: Pick<Clock, "sleep">;
  signal: AbortSignal;
};

/**
 * Sends a person's browser to a page and waits until it comes back: with which parameters. `page` says the page, whose URL has a
 * `state`, and is told the URL to come back to.
 */
export async function askAtBrowser(
  name: string,
  { host, person, clock, signal }: AtBrowser,
  page: (redirect: string) => Promise<Result<URL>>,
): Promise<Result<URLSearchParams>> {
  const answered = Promise.withResolvers<URLSearchParams>();
  let state: string | null = null;
  const listener = await host.net.listen((request) => {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== callbackPath) return plainPage(404, "Not here");
    if (request.method !== "GET") return plainPage(405, "Only GET");
    // Any page can send a browser here: only who was asked knows the state.
    if (state === null || searchParams.get("state") !== state) {
      return plainPage(400, "This is not the answer that rein waits for. Use the page that it has told you of.");
    }
    answered.resolve(searchParams);
    return plainPage(200, "rein has the answer. You can close this page and go back to the terminal.");
  });
  if (!listener.ok) return listener;
  const settled = new AbortController();
  try {
    const url = await page(`${listener.value.origin}${callbackPath}`);
    if (!url.ok) return url;
    state = url.value.searchParams.get("state");
    const passed = await passPage(url.value, host);
    if (!passed.ok) return passed;
    await person.tell(`Sign in to '${name}' with a browser of this machine:\n  ${url.value.href}`);
    const ending = AbortSignal.any([settled.signal, signal]);
    void openBrowser(person.browser, url.value.href, host, ending);
    const answer = await Promise.race([answered.promise, clock.sleep(patienceMs, ending)]);
    if (signal.aborted) return fail("cancelled", "Cannot sign in: cancelled");
    return answer === undefined ? tooLate(name) : ok(answer);
  } finally {
    settled.abort();
    await listener.value.close();
  }
}

/** A page that a person is sent to is judged like one that we reach: a server cannot send them just anywhere. */
export async function passPage(
  { hostname, port, protocol }: URL,
  { net }: Pick<Host, "net">,
): Promise<Result<unknown>> {
  return net.pass(hostname.replace(/^\[(.*)\]$/, "$1"), Number(port || (protocol === "https:" ? "443" : "80")));
}

/** For a person who did not do it in time. */
export function tooLate(name: string) {
  return fail("timeout", `Cannot sign in to '${name}': nobody signed in within ${patienceMs / 60_000} minutes`);
}

/** Opens the page where that was granted; the person has been told of it in any case. */
async function openBrowser(
  command: string,
  url: string,
  host: Pick<Host, "process">,
  signal: AbortSignal,
): Promise<void> {
  const words =
    command
      .split(":", 1)[0]
      ?.split(/\s+/)
      .filter((word) => word !== "") ?? [];
  const [program] = words;
  if (program === undefined || !(await host.process.may(program))) return;
  const argv = words.some((word) => word.includes("%s"))
    ? words.map((word) => word.replaceAll("%s", () => url))
    : [...words, url];
  await host.process.run(argv, { signal, onOutput: () => undefined });
}

function plainPage(status: number, text: string): Response {
  const headers = {
    "content-type": "text/plain; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    connection: "close",
  };
  return new Response(`${text}\n`, { status, headers });
}
