// A person at a browser, as a program: `bun oidc-browser.ts HOW URL`. It keeps cookies, follows redirects and fills in forms.

/** What the person does: agrees, presses cancel, or has a page between that changes what comes back. */
export type How = "agree" | "cancel" | "other-issuer" | "no-issuer";

/** Goes where the URL leads and does what the pages ask for. Says the last page. */
export async function browse(how: How, start: string): Promise<string> {
  const cookies = new Map<string, string>();
  let next: { url: string; form?: URLSearchParams } = { url: start };
  let cancelled = false;
  for (let step = 0; step < 20; step++) {
    const { url, form } = next;
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const response = await fetch(url, {
      redirect: "manual",
      headers: { cookie },
      ...(form === undefined ? {} : { method: "POST", body: form }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location !== null) {
      next = { url: changed(how, new URL(location, url)).href };
      continue;
    }
    const page = await response.text();
    const action = /<form[^>]* action="([^"]*)"/.exec(page)?.[1];
    if (action === undefined || cancelled) return page;
    cancelled = how === "cancel";
    const abort = /href="([^"]*\/abort)"/.exec(page)?.[1];
    next =
      how === "cancel" && abort !== undefined
        ? { url: new URL(abort, url).href }
        : { url: new URL(action, url).href, form: filled(page, how) };
  }
  throw new Error("too many pages");
}

function changed(how: How, url: URL): URL {
  if (url.pathname !== "/callback") return url;
  if (how === "other-issuer") url.searchParams.set("iss", "https://evil.example");
  if (how === "no-issuer") url.searchParams.delete("iss");
  return url;
}

function filled(page: string, how: How): URLSearchParams {
  const form = new URLSearchParams();
  for (const [input] of page.matchAll(/<input[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1];
    if (name !== undefined) form.set(name, /value="([^"]*)"/.exec(input)?.[1] ?? "somebody");
  }
  if (how === "cancel") form.set("abort", "yes");
  return form;
}

if (import.meta.main) {
  const [how = "", url = ""] = process.argv.slice(2);
  const known = (["agree", "cancel", "other-issuer", "no-issuer"] as const).find((one) => one === how);
  if (known === undefined) throw new Error(`no way to browse: '${how}'`);
  await browse(known, url);
}
