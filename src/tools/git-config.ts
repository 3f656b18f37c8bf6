import type { Result } from "../core/result.ts";

/** One setting as git sees it. The key's section and last part are in lower case, what is between them is as it was written. */
export type Setting = { scope: string; key: string; value: string };

/** A key and its value, for git to take instead of the repository's own. */
export type Override = readonly [key: string, value: string];

/** What makes a repository's own config harmless; `ignored` names the settings that do not count. */
export type Screened = { overrides: Override[]; ignored: string[] };

/** Reads `git config --list -z --show-scope`. */
export function parseSettings(output: string): Setting[] {
  const fields = output.split("\0");
  const settings: Setting[] = [];
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [scope = "", entry = ""] = fields.slice(i, i + 2);
    const line = entry.indexOf("\n");
    settings.push(
      line < 0
        ? { scope, key: entry, value: "true" }
        : { scope, key: entry.slice(0, line), value: entry.slice(line + 1) },
    );
  }
  return settings;
}

/** What holds for every repository, whatever its config says: the programs of hooks, editors, pagers and helpers do not start. */
export const always: readonly Override[] = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.sshCommand", "ssh -oBatchMode=yes"],
  ["core.pager", "cat"],
  ["core.editor", ":"],
  ["core.askPass", ""],
  ["core.gitProxy", "none"],
  ["core.alternateRefsCommand", "true"],
  ["sequence.editor", ":"],
  ["ssh.variant", "ssh"],
  ["commit.gpgSign", "false"],
  ["tag.gpgSign", "false"],
  ["push.gpgSign", "false"],
  ["merge.verifySignatures", "false"],
  ["log.showSignature", "false"],
  ["gpg.program", "false"],
  ["interactive.diffFilter", "cat"],
  ["credential.helper", ""],
  ["credential.interactive", "false"],
  ["protocol.ext.allow", "never"],
  ["submodule.recurse", "false"],
  ["fetch.recurseSubmodules", "false"],
  ["push.recurseSubmodules", "no"],
  ["diff.ignoreSubmodules", "all"],
  ["status.submoduleSummary", "false"],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["receive.autogc", "false"],
  // Such an index names packs by paths.
  ["core.multiPackIndex", "false"],
  ["http.followRedirects", "false"],
  ["http.sslVerify", "true"],
  ["http.proxy", ""],
  ["http.cookieFile", ""],
  ["http.saveCookies", "false"],
  ["http.curloptResolve", ""],
  ["http.delegation", "none"],
];

/** What a repository's config may name below a name of its own, and what git takes instead. Undefined: it is not used at all. */
const replaced: ReadonlyArray<readonly [key: RegExp, value: string | undefined]> = [
  [/^filter\..+\.(clean|smudge|process)$/, ""],
  [/^filter\..+\.required$/, "false"],
  // As without a driver of its own.
  [/^merge\..+\.driver$/, "git merge-file %A %O %B"],
  [/^diff\.external$|^diff\..+\.command$/, "true"],
  [/^diff\..+\.textconv$/, "cat"],
  [/^remote\..+\.uploadpack$/, "git-upload-pack"],
  [/^remote\..+\.receivepack$/, "git-receive-pack"],
  [/^(remote\..+|http\..+)\.proxy$/, ""],
  [/^http\..+\.(cookiefile|curloptresolve)$/, ""],
  [/^http\..+\.sslverify$/, "true"],
  [/^http\..+\.(followredirects|savecookies)$/, "false"],
  [/^http\..+\.delegation$/, "none"],
  [/^gpg\..+\.program$|^gpg\.ssh\.defaultkeycommand$/, "false"],
  [/^pager\./, "false"],
  [/^trailer\..+\.(command|cmd)$/, "true"],
  [/^submodule\..+\.update$/, "none"],
  [/^branch\..+\.mergeoptions$/, ""],
  [/^remote\..+\.promisor$/, "false"],
  // Files anywhere, of which a message or an answer may show a line.
  [/^(core\.(attributesfile|excludesfile)|mailmap\.file|diff\.orderfile|commit\.template)$/, "/dev/null"],
  [/^gpg\.ssh\.(allowedsigners|revocation)file$/, "/dev/null"],
  // Git takes it from no repository.
  [/^uploadpack\.packobjectshook$/, undefined],
  // An empty helper after these makes git forget them.
  [/^credential\..*helper$/, undefined],
  // Git's own commands come before aliases, and the others here belong to commands that are not offered.
  [/^alias\./, undefined],
  [/^(browser|difftool|gitcvs|gitweb|gui|guitool|help|imap|instaweb|lfs|man|mergetool|sendemail|tar|web)\./, undefined],
];

/** These cannot be overridden: git has followed an include when it reads what overrides it, or runs something in any case. */
const refused: ReadonlyArray<readonly [key: RegExp, why: string]> = [
  [/^include(if)?\./, "includes another file, which may change while git runs"],
  [/^remote\..+\.vcs$/, "names a program"],
  [/^hook\./, "names a program"],
  [/^http\.(.+\.)?ssl(cert|key|cainfo|capath)$/, "says whom to trust; the caller can grant GIT_SSL_CAINFO instead"],
  [/^(fsck|fetch\.fsck|receive\.fsck)\.skiplist$/, "names a file, of which git would show a line"],
  [/^extensions\.partialclone$/, "lets git fetch whenever an object is missing"],
];

const fixed = new Set(always.map(([key]) => key.toLowerCase()));

/** What a setting is called that names a program, in this git or in a later one. */
const namesProgram =
  /(command|cmd|program|driver|helper|hook|hookspath|proxy|editor|pager|askpass|textconv|filter|clean|smudge|process|uploadpack|receivepack|vcs|external|exec|shell|script)$/;

/** What of a repository's own settings must not count. The error is why git cannot be used there. */
export function screen(settings: readonly Setting[]): Result<Screened, string> {
  const overrides: Override[] = [];
  const ignored = new Set<string>();
  for (const { scope, key, value } of settings) {
    if (scope !== "local" && scope !== "worktree") continue;
    const no = refused.find(([pattern]) => pattern.test(key));
    if (no !== undefined) return { ok: false, error: `its config has '${key}', which ${no[1]}` };
    const other = replaced.find(([pattern]) => pattern.test(key));
    if (other !== undefined) {
      if (other[1] !== undefined && other[1] !== value) overrides.push([key, other[1]]);
      if (other[1] !== value) ignored.add(key);
    } else if (fixed.has(key)) {
      ignored.add(key);
    } else if (namesProgram.test(key)) {
      return { ok: false, error: `its config has '${key}', which names a program` };
    }
  }
  return { ok: true, value: { overrides, ignored: [...ignored].toSorted() } };
}

/** Settings as the environment hands them to git: they count more than any file's, and are in no command line. */
export function configEnvironment(overrides: readonly Override[]): Record<string, string> {
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(overrides.length) };
  for (const [index, [key, value]] of overrides.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return env;
}
