import {
  RequestError,
  type AgentContext,
  type ContentBlock,
  type SessionConfigOption,
  type SessionUpdate,
  type StopReason,
} from "@agentclientprotocol/sdk";
import type { Stamped } from "../core/event.ts";
import type { Interruption } from "../core/exit.ts";
import type { AccessRequest, Answer, Ask } from "../core/permission.ts";
import type { Problem } from "../core/problem.ts";
import type { Result } from "../core/result.ts";
import type { ChangedText, Talk } from "../core/talk.ts";
import { Ending, errorOf } from "./ending.ts";
import { saidIn, type Attach } from "./prompt.ts";
import { textContent, Updates, type Label } from "./updates.ts";

/** A command of the agent file; `fill` makes a prompt of what stands behind it. */
export type OwnCommand = { name: string; description: string; fill(words: string): Result<string, string> };

/** What sessions have of their surroundings. */
export type Around = {
  /** The agent's name. */
  agent: string;
  attach: Attach;
  label: Label;
  /** The names of the models that a person can choose among. */
  models: readonly string[];
  commands: readonly OwnCommand[];
  /** A question as a person reads it. */
  question(request: AccessRequest): string;
  /** A line for the editor's log. */
  log(text: string): void;
};

/** Opens a conversation; `ask` asks the person at the editor. */
export type Open = (ask: Ask, signal: AbortSignal) => Promise<Result<Talk, Problem>>;

type Change = ChangedText & { path: string };

/** One session of an editor: a conversation, whose events are told as they come. */
export class Session {
  readonly id: string;
  readonly #cwd: string;
  readonly #client: AgentContext;
  readonly #around: Around;
  /** Whether the editor shows notices beside the conversation. */
  readonly #notices: boolean;
  readonly #ending = new AbortController();
  readonly #opened: Promise<Result<Talk, Problem>>;
  /** Resolves with the first question. */
  readonly #asked = Promise.withResolvers<void>();
  /** Resolves when the editor knows of the session. */
  readonly #known = Promise.withResolvers<void>();
  readonly #changes = new Map<string, Array<Promise<Change | undefined>>>();
  #updates: Updates;
  #talk: Talk | undefined;
  #turn: { stop: AbortController; ended: Promise<unknown> } | undefined;
  #sent: Promise<void> = Promise.resolve();
  /** Text that waits to be sent: an editor that reads slowly gets it in larger pieces. */
  #waiting: Extract<SessionUpdate, { sessionUpdate: "agent_message_chunk" | "agent_thought_chunk" }> | undefined;
  #questions = 0;
  /** The model that the conversation began with, and the one that was chosen. */
  #first: string | undefined;
  #model: string | undefined;

  constructor(place: { id: string; cwd: string }, open: Open, client: AgentContext, around: Around, notices: boolean) {
    this.id = place.id;
    this.#cwd = place.cwd;
    this.#client = client;
    this.#around = around;
    this.#notices = notices;
    this.#updates = new Updates(around.label, place.cwd, false);
    this.#opened = open((request, signal) => this.#ask(request, signal), this.#ending.signal).then((opened) => {
      if (opened.ok) this.#talk = opened.value;
      return opened;
    });
  }

  /**
   * Waits until the conversation can begin; or until there is a question before that, which the editor can be asked only once it
   * knows of the session.
   */
  async begun(): Promise<void> {
    const first = await Promise.race([this.#opened, this.#asked.promise]);
    if (first?.ok === false) throw errorOf(first.error);
  }

  /** The editor knows of the session: it can be told and asked. */
  known(): void {
    this.#known.resolve();
    const availableCommands = this.#around.commands.map(({ name, description }) => ({
      name,
      description,
      input: { hint: "words" },
    }));
    if (availableCommands.length > 0)
      this.#send(() => ({ sessionUpdate: "available_commands_update", availableCommands }));
  }

  async talk(): Promise<Talk> {
    const opened = await this.#opened;
    if (!opened.ok) throw errorOf(opened.error);
    return opened.value;
  }

  async prompt(blocks: readonly ContentBlock[]): Promise<StopReason> {
    if (this.#turn !== undefined) throw RequestError.invalidRequest({}, "A turn of this session is under way");
    const stop = new AbortController();
    const ended = this.#take(blocks, stop.signal);
    this.#turn = { stop, ended };
    try {
      return await ended;
    } finally {
      this.#turn = undefined;
    }
  }

  async #take(blocks: readonly ContentBlock[], stopped: AbortSignal): Promise<StopReason> {
    const talk = await Promise.race([this.talk(), aborted(stopped)]);
    if (talk === undefined) return "cancelled";
    const said = await saidIn(blocks, this.#around.attach);
    if (!said.ok) throw RequestError.invalidParams({}, said.error.message);
    if (said.value.text.trim() === "" && said.value.files.length === 0)
      throw RequestError.invalidParams({}, "The prompt is empty");
    const filled = this.#filled(said.value.text);
    if (!filled.ok) throw RequestError.invalidParams({}, filled.error);
    this.#updates = new Updates(this.#around.label, this.#cwd, false);
    this.#changes.clear();
    const ending = new Ending();
    const signal = AbortSignal.any([stopped, this.#ending.signal]);
    const { files } = said.value;
    const made = await talk.turn(filled.value, files, (event) => this.#tell(event, talk, ending), signal);
    await this.#sent;
    if (signal.aborted) return "cancelled";
    if (!made.ok) throw errorOf(made.error);
    const { reason, why } = ending.of(made.value);
    if (why !== undefined) await this.#notice(why);
    return reason;
  }

  /** What is said with a command of the agent file; any other text is said as it is. */
  #filled(text: string): Result<string, string> {
    const [, name, words = ""] = /^\/(\S+)(?:\s+([^]*))?$/.exec(text) ?? [];
    const command = this.#around.commands.find((one) => one.name === name);
    return command === undefined ? { ok: true, value: text } : command.fill(words.trim());
  }

  /** Ends the turn that is under way. */
  cancel(): void {
    this.#turn?.stop.abort("interrupt" satisfies Interruption);
  }

  /** Tells again what was said and done in the session. */
  async replay(): Promise<void> {
    const events = await (await this.talk()).events();
    if (!events.ok) throw errorOf(events.error);
    const updates = new Updates(this.#around.label, this.#cwd, true);
    for (const event of events.value) for (const update of updates.of(event)) this.#send(() => update);
    await this.#sent;
  }

  /** The models of the file to choose among. There are none before the conversation can begin. */
  configOptions(): SessionConfigOption[] {
    if (this.#talk === undefined || this.#around.models.length === 0) return [];
    this.#first ??= this.#talk.model();
    const names = [...(this.#first === undefined ? [] : [this.#first]), ...this.#around.models];
    const currentValue = this.#model ?? names[0] ?? "";
    const options = [...new Set(names)].map((name) => ({ value: name, name }));
    return [{ id: "model", name: "Model", category: "model", type: "select", currentValue, options }];
  }

  async choose(option: string, value: unknown): Promise<SessionConfigOption[]> {
    const talk = await this.talk();
    const known = this.configOptions().some((one) => one.id === option);
    if (!known || typeof value !== "string") throw RequestError.invalidParams({}, `There is no option '${option}'`);
    const used = await talk.useModel(value);
    if (!used.ok) throw errorOf(used.error);
    this.#model = value;
    return this.configOptions();
  }

  async close(): Promise<void> {
    this.#ending.abort("terminated" satisfies Interruption);
    await this.#turn?.ended.catch(() => undefined);
    const opened = await this.#opened;
    if (opened.ok) await opened.value.close();
  }

  #tell(event: Stamped, talk: Talk, ending: Ending): void {
    ending.see(event);
    if (event.type === "warning") void this.#notice(event.message, "warning");
    else if (event.type === "file_change") {
      const call = this.#updates.idOf(event, event.call);
      const { path } = event;
      // At once, since the next call may change it again.
      const looked = talk.changed(event).then((texts) => texts && { path, ...texts });
      this.#changes.set(call, [...(this.#changes.get(call) ?? []), looked]);
    } else if (event.type === "call_end") {
      const call = this.#updates.idOf(event, event.id);
      const changes = this.#changes.get(call) ?? [];
      this.#changes.delete(call);
      const updates = this.#updates;
      this.#send(async () => {
        const known = (await Promise.all(changes)).filter((change) => change !== undefined);
        return updates.of(event, known)[0];
      });
    } else for (const update of this.#updates.of(event)) this.#send(() => update);
  }

  /** Sends in order, and joins pieces of text that are still waiting. */
  #send(make: () => SessionUpdate | undefined | Promise<SessionUpdate | undefined>): void {
    const made = make();
    if (!(made instanceof Promise) && made !== undefined && isText(made)) {
      const waiting = this.#waiting;
      if (
        waiting?.sessionUpdate === made.sessionUpdate &&
        waiting.messageId === made.messageId &&
        waiting.content.type === "text" &&
        made.content.type === "text"
      ) {
        waiting.content.text += made.content.text;
        return;
      }
      this.#waiting = made;
    } else this.#waiting = undefined;
    this.#sent = this.#sent.then(async () => {
      const update = await made;
      if (update === this.#waiting) this.#waiting = undefined;
      if (update === undefined) return;
      try {
        await this.#client.notify("session/update", { sessionId: this.id, update });
      } catch (error) {
        // The editor went away: the connection ends, and the turn with it.
        this.#around.log(`Cannot tell the editor: ${error instanceof Error ? error.message : String(error)}`);
      }
    });
  }

  /** Says something that is no part of the answer. */
  async #notice(text: string, severity: "warning" | "error" = "error"): Promise<void> {
    if (this.#notices) this.#send(() => ({ sessionUpdate: "notice", severity, title: text }));
    else if (severity === "warning") this.#around.log(text);
    else {
      const content = { type: "text" as const, text: `\n\n[${text}]` };
      this.#send(() => ({ sessionUpdate: "agent_message_chunk", content }));
    }
    await this.#sent;
  }

  async #ask(request: AccessRequest, signal: AbortSignal): Promise<Answer> {
    this.#asked.resolve();
    await this.#known.promise;
    const { kind, target } = request;
    const rule = `--allow-${kind}=${target}`;
    const call = this.#updates.only();
    const toolCallId = call?.id ?? `question-${(this.#questions += 1)}`;
    const title = this.#around.question(request);
    const content = [textContent(`${title}\n\nAs a rule: \`${rule}\``)];
    // What was told so far explains the question.
    await this.#sent;
    try {
      const { outcome } = await this.#client.request(
        "session/request_permission",
        {
          sessionId: this.id,
          toolCall: { toolCallId, title, status: "pending", content },
          options: [
            { optionId: "once" satisfies Answer, name: "Allow once", kind: "allow_once" },
            { optionId: "session" satisfies Answer, name: `Allow for this session: ${rule}`, kind: "allow_always" },
            { optionId: "no" satisfies Answer, name: "No", kind: "reject_once" },
          ],
        },
        { cancellationSignal: AbortSignal.any([signal, this.#ending.signal]), stopWaitingOnCancel: true },
      );
      const option = outcome.outcome === "selected" ? outcome.optionId : "no";
      const answer: Answer = option === "once" || option === "session" ? option : "no";
      // A question by itself is settled by its answer; a call goes on as what it was.
      const settled =
        call === undefined
          ? { status: answer === "no" ? ("failed" as const) : ("completed" as const) }
          : { status: "in_progress" as const, title: call.label, content: [] };
      this.#send(() => ({ sessionUpdate: "tool_call_update", toolCallId, ...settled }));
      return answer;
    } catch (error) {
      if (!signal.aborted) this.#around.log(`Cannot ask the editor: ${error instanceof Error ? error.message : ""}`);
      return "no";
    }
  }
}

async function aborted(signal: AbortSignal): Promise<undefined> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
  return undefined;
}

function isText(
  update: SessionUpdate,
): update is Extract<SessionUpdate, { sessionUpdate: "agent_message_chunk" | "agent_thought_chunk" }> {
  return update.sessionUpdate === "agent_message_chunk" || update.sessionUpdate === "agent_thought_chunk";
}
