import type { Child, ChildOptions, Clock, Decided, Fetch, Host, Person } from "../core/host.ts";
import type { ModuleRole } from "../core/module-protocol.ts";
import type { AccessRequest, Ask } from "../core/permission.ts";
import type { SecretSpec } from "../core/plan.ts";
import { fail, ok, type Result } from "../core/result.ts";
import { holdsSecret } from "../core/secret-name.ts";
import type { Policy } from "../permit/policy.ts";
import { isGranted } from "./child-env.ts";
import { withoutCredentials } from "./credentials-folder.ts";
import { envDoor } from "./env.ts";
import type { FileRoot } from "./fs.ts";
import { makeGate } from "./gate.ts";
import type { Environment, Machine } from "./machine.ts";
import type { Network } from "./net.ts";
import type { Launcher } from "./process.ts";
import { secretDoor } from "./secrets.ts";
import type { SignInOptions, SignIns } from "./sign-ins.ts";

export type HostOptions = {
  machine: Machine;
  policy: Policy;
  /** Absent where there is nobody to ask. */
  ask?: Ask;
  clock: Clock;
  environment: Environment;
  /** Variables that hold services' keys: no tool and no child ever gets them, whatever is granted. */
  secretNames: readonly string[];
  /** The secrets of the agent file, by name. Their variables are among `secretNames`. */
  secrets?: Readonly<Record<string, SecretSpec>>;
  /** The sign-ins of the agent file. */
  signIns?: SignInOptions;
  /** Absent where nobody is at a terminal. */
  person?: Person;
  /** Told the value of each variable that is called like a secret: of those that are granted at once, of others when a person allows it. */
  learned?: (values: readonly string[]) => void;
  /** Variables that no child gets, since they are for tools of ours. */
  withheld?: readonly string[];
  /** The run's inputs as texts, by name. They are known only after the host was opened, and before the first child starts. */
  inputs: ReadonlyMap<string, string>;
};

/** The doors of one run. Each part is loaded and set up when it is first used; opening costs nothing. */
export type OpenHost = {
  /** The doors for one call (or check): decisions are told to `decided`, and `signal` ends what goes on behind them. */
  scoped(decided: Decided, signal: AbortSignal): Host;
  /** Puts before the gate what rein itself is about to do for the agent file. `action` is a verb for messages: "reach". */
  pass(action: string, request: AccessRequest, decided: Decided, signal: AbortSignal): Promise<Result<void>>;
  /**
   * Reaches one service without a grant: exactly the scheme, host and port of its base URL, redirects within it included, by the
   * environment's proxy. With `ca` it trusts these certificates, PEM, instead of the system's.
   */
  serviceFetch(baseUrl: string, ca: string | undefined): Fetch;
  /**
   * Starts the process of a module: our own executable, which needs no grant to run. It gets the working folder and the
   * variables of any child. Ends with the host at the latest.
   */
  startModule(role: ModuleRole, module: string, options: Omit<ChildOptions, "cwd" | "input">): Promise<Result<Child>>;
  /** Ends children that still run, removes the run's temporary folder, closes connections. The host is not used after it. */
  close(): Promise<void>;
};

export function openHost(options: HostOptions): OpenHost {
  const { machine, policy, clock, environment, secretNames, inputs, secrets = {}, withheld = [] } = options;
  const gateFor = makeGate(withoutCredentials(policy, environment), options.ask);
  const closing = new AbortController();
  let files: Promise<FileRoot> | undefined;
  let launcher: Promise<Launcher> | undefined;
  let network: Promise<Network> | undefined;
  let signIns: Promise<SignIns> | undefined;

  const given = (...names: string[]) => {
    const values = names.filter(holdsSecret).flatMap((name) => environment[name] ?? []);
    if (values.length > 0) options.learned?.(values);
  };
  given(...Object.keys(environment).filter((name) => holdsSecret(name) && isGranted(name, policy)));

  const openFiles = () => (files ??= import("./fs.ts").then(({ openFileRoot }) => openFileRoot(machine)));
  const openLauncher = () =>
    (launcher ??= import("./process.ts").then(({ openLauncher: open }) =>
      open({ machine, policy, environment, secretNames: [...secretNames, ...withheld], inputs }),
    ));
  const openNetwork = () => (network ??= import("./net.ts").then(({ openNetwork: open }) => open(clock)));

  const openSigned = (how: SignInOptions) =>
    (signIns ??= import("./sign-ins.ts").then(({ openSignIns: open }) => open(how, environment, clock)));

  return {
    scoped: (decided, callSignal) => {
      const signal = AbortSignal.any([callSignal, closing.signal]);
      const gate = gateFor(decided, signal);
      const fetchJudged: Host["net"]["fetch"] = async (input, init, sent) =>
        (await openNetwork()).fetch(gate, signal, input, init, sent);
      const { signIns: signing, person } = options;
      return {
        cwd: machine.cwd,
        fs: {
          stat: async (path) => (await openFiles()).door(gate).stat(path),
          read: async (path, range) => (await openFiles()).door(gate).read(path, range),
          write: async (path, bytes, how) => (await openFiles()).door(gate).write(path, bytes, how),
          remove: async (path, how, removeSignal) =>
            (await openFiles()).door(gate).remove(path, how, AbortSignal.any([removeSignal, signal])),
          list: async (path) => (await openFiles()).door(gate).list(path),
          tree: async (path, query, treeSignal, found) =>
            (await openFiles()).door(gate).tree(path, query, AbortSignal.any([treeSignal, signal]), found),
          search: async (path, query, searchSignal, found) =>
            (await openFiles()).door(gate).search(path, query, AbortSignal.any([searchSignal, signal]), found),
          may: async (kind, path) => (await openFiles()).door(gate).may(kind, path),
          pass: async (kind, path) => (await import("./pass.ts")).passPath(gate, machine, kind, path),
        },
        process: {
          start: async (argv, child) =>
            (await openLauncher()).start(gate, argv, { ...child, signal: AbortSignal.any([child.signal, signal]) }),
          run: async (argv, child) =>
            (await openLauncher()).run(gate, argv, { ...child, signal: AbortSignal.any([child.signal, signal]) }),
          may: async (program) => (await openLauncher()).may(gate, program),
        },
        net: {
          fetch: fetchJudged,
          socket: async (url, socket) => (await openNetwork()).socket(gate, signal, url, socket),
          pass: async (name, port) => (await openNetwork()).pass(gate, signal, name, port),
          listen: async (respond) => ok((await import("./listen.ts")).listenOnLoopback(respond, clock, signal)),
        },
        env: envDoor(gate, environment, secretNames, given),
        secrets: secretDoor(gate, environment, secrets, {
          specs: signing?.specs ?? {},
          token: async (name, spec) =>
            signing === undefined ? noSignIn(name) : (await openSigned(signing)).token(name, spec, fetchJudged, signal),
        }),
        oauth: {
          read: async (name) =>
            signing === undefined ? noSignIn(name) : (await openSigned(signing)).door(signal).read(name),
          change: async (name, make) =>
            signing === undefined ? noSignIn(name) : (await openSigned(signing)).door(signal).change(name, make),
          server: (url, client) => {
            const kept = async () =>
              signing === undefined ? undefined : (await openSigned(signing)).door(signal).server(url, client);
            return {
              read: async () => (await kept())?.read() ?? noSignIn(url.host),
              change: async (make) => (await kept())?.change(make) ?? noSignIn(url.host),
            };
          },
        },
        ...(person === undefined ? {} : { person }),
      };
    },
    pass: (action, request, decided, signal) => gateFor(decided, signal).begin(action).pass(request),
    startModule: async (role, module, child) =>
      (await openLauncher()).startModule(role, module, {
        ...child,
        signal: AbortSignal.any([child.signal, closing.signal]),
      }),
    serviceFetch: (baseUrl, ca) => async (input, init) =>
      (await openNetwork()).fetchService({ baseUrl, ca }, closing.signal, input, init),
    close: async () => {
      closing.abort();
      await (await launcher)?.close();
      (await files)?.close();
      (await network)?.close();
    },
  };
}

function noSignIn(name: string) {
  return fail("not_found", `There is no sign-in '${name}'`);
}
