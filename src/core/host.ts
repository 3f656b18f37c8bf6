import type { OauthDoor } from "./oauth.ts";
import type { Decision, AccessRequest } from "./permission.ts";
import type { Result } from "./result.ts";
import type { FoundFile, ListQuery, ListSummary, SearchQuery, SearchSummary, TreeEntry } from "./tree.ts";

/** The doors to the outside. Each judges what it is asked for before it acts; a refusal is a failure with a denial in it. */
export type Host = {
  /** The working folder, absolute and without symlinks. */
  cwd: string;
  fs: FileDoor;
  process: ProcessDoor;
  net: NetDoor;
  env: EnvDoor;
  secrets: SecretDoor;
  oauth: OauthDoor;
  /** Absent where nobody is at a terminal. */
  person?: Person;
};

/** Whoever is at the terminal. */
export type Person = {
  /** Shows lines. Control characters in them are made visible. */
  tell(text: string): Promise<void>;
  /** The line that they type after a question; undefined where they end it instead. Absent where nothing can be typed. */
  line?(question: string, signal: AbortSignal): Promise<string | undefined>;
  /** The command that opens a page for them, as `BROWSER` has it: words, and `%s` where the URL goes, else at the end. */
  browser: string;
};

export type FileKind = "file" | "folder" | "symlink" | "other";
export type FileStat = { kind: FileKind; size: number; modifiedMs: number };
export type FolderEntry = FileStat & { name: string };

/**
 * Which file it is and how it was last changed: device, inode, size, mtime and ctime in ns. It differs where another file stands
 * or anything was changed, also when the old mtime was put back. `changedMs` is the ctime: two changes within the clock's step
 * have the same one, so that only a version that is some seconds old is sure to stay different. What a process writes into
 * memory that it has mapped counts when the kernel notices it.
 */
export type FileVersion = { version: string; changedMs: number };

export type FilePart = { bytes: Uint8Array; size: number; version: string };

/** What was deleted: `files` counts links and whatever else is no folder. */
export type RemovedCount = { files: number; folders: number };

/** Files. Paths are relative to the working folder, absolute, or start with `~/`. */
export type FileDoor = {
  stat(path: string): Promise<Result<FileStat & FileVersion>>;
  /**
   * Reads at most `limit` bytes from `offset` of a regular file. `size` is the whole file's, `version` that before the bytes were
   * read. Never blocks on a FIFO or device.
   */
  read(path: string, range: { offset: number; limit: number }): Promise<Result<FilePart>>;
  /**
   * Creates or replaces a file whole: temporary file and rename, mode kept, parents made. With `ifVersion` only the file that still
   * has that version, or with `absent` only where there is none; else the failure is `changed`.
   */
  write(path: string, bytes: Uint8Array, options?: { ifVersion?: string }): Promise<Result<{ created: boolean }>>;
  /**
   * Deletes a file, or with `recursive` a folder and all in it; a link as a link. Nothing goes where any part of it is denied, and
   * never the working folder or what it lies in.
   */
  remove(path: string, options: { recursive: boolean }, signal: AbortSignal): Promise<Result<RemovedCount>>;
  /** Entries of a folder in byte order of their names. What may not be read is left out. */
  list(path: string): Promise<Result<FolderEntry[]>>;
  /**
   * What is in a folder, below it and sorted (by path: in byte order, where a folder's path ends in a slash). `found` gets it in
   * parts. One grant opens the whole tree, but for what is denied in it.
   */
  tree(
    path: string,
    query: ListQuery,
    signal: AbortSignal,
    found: (entries: TreeEntry[]) => void,
  ): Promise<Result<ListSummary>>;
  /** Searches the text files of a folder, or one file. As `tree`; the files come in byte order of their paths. */
  search(
    path: string,
    query: SearchQuery,
    signal: AbortSignal,
    found: (files: FoundFile[]) => void,
  ): Promise<Result<SearchSummary>>;
  /**
   * Whether the gate would allow it without a question. It only looks: nothing is asked, nothing is journaled as a decision and
   * nothing counts as denied. For what a tool adds by itself (the old content in a diff, a `.gitignore`), which nobody asked for.
   */
  may(kind: "read" | "write", path: string): Promise<boolean>;
  /** Judges what a child is about to do there, whom nothing else holds to the rules. Says the path without symlinks. */
  pass(kind: "read" | "write", path: string): Promise<Result<string>>;
};

/** How a child ended: by exit code or by signal; `timeout` when its time was up. */
export type ProcessEnd = { code: number | null; signal: string | null; timeout: boolean };

export type ProcessStart = {
  /** Default: the working folder. */
  cwd?: string;
  /** Variables beside the granted ones. */
  env?: Record<string, string>;
  /** Of the granted variables only these. Default: all. */
  variables?: readonly string[];
  timeoutMs?: number;
  /** Ends it, with all that it started. */
  signal: AbortSignal;
  /**
   * Called with each piece of output as it comes. Where it returns a promise, that stream is not read on until it resolves, so that
   * the child waits; but once the child was told to end, what is not taken at once is dropped.
   */
  onOutput(stream: "stdout" | "stderr", bytes: Uint8Array): void | Promise<void>;
};

export type ChildOptions = ProcessStart & {
  /** Whether `write` fills its stdin. Default: stdin is /dev/null. */
  input?: boolean;
};

export type ProcessOptions = ProcessStart & {
  /** Default: /dev/null. */
  stdin?: Uint8Array;
};

/** A child that runs. It ends with the run at the latest. */
export type Child = {
  /** Resolves when the bytes were handed over, which waits for a child that reads slowly. Fails when it reads no more. */
  write(bytes: Uint8Array): Promise<Result<void>>;
  /** The child reads the end of its stdin, after what was written. */
  closeInput(): void;
  /** Its end, when its whole tree has ended and all output was taken. A failure when it could not be run, or was aborted. */
  ended: Promise<Result<ProcessEnd>>;
  /** SIGTERM (the default) asks it, and kills the whole tree half a second later; SIGKILL does not ask. */
  kill(signal?: "SIGTERM" | "SIGKILL"): void;
};

/** Child processes, each through the jail; their whole trees end with them. `argv[0]` is a name or an absolute path. */
export type ProcessDoor = {
  /** Starts a child that is talked to while it runs. */
  start(argv: string[], options: ChildOptions): Promise<Result<Child>>;
  /** Starts one and waits for its end. */
  run(argv: string[], options: ProcessOptions): Promise<Result<ProcessEnd>>;
  /** Whether the gate would let it start without a question. It only looks, as `fs.may` does. */
  may(program: string): Promise<boolean>;
};

/** Like the global fetch. A refusal or a failed connection is thrown as NetError, since SDKs expect a throwing fetch. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** What of a request holds secrets: these headers, and perhaps its body. They go to no origin but the first. */
export type RequestSecrets = { headers: readonly string[]; body: boolean };

/** Answers one request. */
export type Respond = (request: Request) => Response | Promise<Response>;

/** Answers on a port of this machine that nobody else reaches. `origin` is `http://127.0.0.1:PORT`. */
export type Listener = { origin: string; close(): Promise<void> };

/** A WebSocket that is open, for text. Pings are answered, and sent, by itself. */
export type Socket = {
  /** The subprotocol that was agreed on; empty for none. */
  protocol: string;
  /** Resolves when the text was handed over, which waits for who reads slowly. Fails when the socket has ended. */
  send(text: string): Promise<Result<void>>;
  /** Says good-bye; who does not answer is not waited for. */
  close(): void;
  /** How the other side closed it. A failure where it was cut, answers no more, or sent what it may not. */
  ended: Promise<Result<{ code: number; reason: string }>>;
};

export type SocketOptions = {
  headers: Headers;
  /** The subprotocol that is asked for. */
  protocol: string;
  /** The most bytes of one text; a longer one ends the socket. */
  largest: number;
  /** Called with each text as it comes, once the socket was handed out. */
  onText(text: string): void;
  /** Ends it at once. */
  signal: AbortSignal;
};

export type NetDoor = {
  fetch: (input: Parameters<Fetch>[0], init?: RequestInit, secrets?: RequestSecrets) => Promise<Response>;
  /** Judges a connection that a child is about to make, name and addresses. Says the addresses, for the child to dial. */
  pass(host: string, port: number): Promise<Result<string[]>>;
  /**
   * Opens a WebSocket (`ws:` or `wss:`), which ends with the call at the latest: the socket, or what the server answered instead
   * of one. Throws as `fetch` does.
   */
  socket(url: URL, options: SocketOptions): Promise<Socket | Response>;
  /** Waits for a browser of this machine to come back. It ends with the call at the latest. */
  listen(respond: Respond): Promise<Result<Listener>>;
};

export type EnvDoor = {
  /** A variable's value, undefined when it is not set. */
  get(name: string): Promise<Result<string | undefined>>;
  /** Whether it would be given: "maybe" where it is requested and not granted. It only looks, as `fs.may` does. */
  look(name: string): "yes" | "maybe" | "no";
};

/** The secrets that the agent file names. A model knows their names only, and each goes to its own hosts. */
export type SecretDoor = {
  /** The value, for a request to that URL and for nothing else. */
  value(name: string, url: URL): Promise<Result<string>>;
};

/** Time and chance, handed in so that a run can be replayed and a test need not wait. */
export type Clock = {
  /** Milliseconds since 1970. */
  now(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** In [0, 1). */
  random(): number;
  /** A new id: sortable by time, 26 characters of a-z and 0-9. */
  id(): string;
};

/** Told of each decision of the gate, so that it can be journaled. */
export type Decided = (request: AccessRequest, decision: Decision) => Promise<void>;
