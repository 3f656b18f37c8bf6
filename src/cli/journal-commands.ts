import { outputFlag } from "./command-flags.ts";
import type { Command } from "./command.ts";

/** Commands on what runs have left in the journal. */
export const journalCommands: readonly Command[] = [
  {
    name: "sessions list",
    summary: "List the sessions and the latest runs without one, newest first",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [
      { name: "--all", help: "All runs without a session, and not only the 20 newest" },
      outputFlag("text", "json"),
    ],
    examples: [{ command: "rein sessions list --output json", does: "for a script" }],
    load: async () => (await import("./sessions.ts")).listCommand,
  },
  {
    name: "sessions show",
    summary: "Show the turns, calls, sub-agents and usage of a session or a run",
    positionals: "NAME",
    count: { min: 1, max: 1 },
    flags: [
      outputFlag("text", "json"),
      { name: "--whole", value: { name: "SHA256" }, help: "Print a result that was too long for the model, whole" },
    ],
    examples: [
      { command: "rein sessions show review", does: "the whole conversation" },
      { command: "rein sessions show last", does: "what ran last" },
    ],
    load: async () => (await import("./sessions.ts")).showCommand,
  },
  {
    name: "sessions fork",
    summary: "Copy a session, or a run, into a new session",
    positionals: "NAME [NEW]",
    count: { min: 1, max: 2 },
    flags: [
      {
        name: "--at",
        value: { name: "TURN" },
        help: "Only up to the end of this turn, as 'rein sessions show' counts them",
      },
    ],
    examples: [
      { command: "rein sessions fork review", does: "review-2, to go on from here in another way" },
      { command: "rein sessions fork review second-try --at 3", does: "what was said until the third turn" },
    ],
    load: async () => (await import("./sessions-change.ts")).forkCommand,
  },
  {
    name: "sessions export",
    summary: "Write all of a session, or of a run, for other programs and people",
    positionals: "NAME",
    count: { min: 1, max: 1 },
    flags: [
      {
        name: "--format",
        value: { name: "FORMAT", choices: ["jsonl", "markdown", "html"] },
        help: "jsonl, which can be imported again (default), or a page to read",
      },
      { name: "--output-file", short: "-o", value: { name: "FILE" }, help: "Write to a file instead of stdout" },
    ],
    examples: [
      { command: "rein sessions export review -o review.jsonl", does: "to move it to another machine" },
      {
        command: "rein sessions export last --format html -o run.html",
        does: "one page, with its images, for a browser",
      },
    ],
    load: async () => (await import("./sessions-files.ts")).exportCommand,
  },
  {
    name: "sessions import",
    summary: "Add a session that was exported as jsonl",
    positionals: "FILE [NAME]",
    count: { min: 1, max: 2 },
    flags: [],
    examples: [
      { command: "rein sessions import review.jsonl", does: "under its own name" },
      { command: "rein sessions import review.jsonl theirs", does: "under another" },
    ],
    load: async () => (await import("./sessions-files.ts")).importCommand,
  },
  {
    name: "sessions rm",
    summary: "Remove sessions with their runs, or runs without a session",
    positionals: "NAME…",
    count: { min: 1, max: Infinity },
    flags: [],
    examples: [{ command: "rein sessions rm review second-try", does: "what they cost stays in 'rein cost'" }],
    load: async () => (await import("./sessions-change.ts")).removeCommand,
  },
  {
    name: "sessions prune",
    summary: "Remove old runs without a session, as is done by itself once a day",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [
      { name: "--older", value: { name: "TIME" }, help: "Those that ended so long ago: '12h', '7d' (default: 30d)" },
      {
        name: "--max",
        value: { name: "SIZE" },
        help: "The oldest of those that have more together: '500MB' (default: 1GB)",
      },
    ],
    examples: [
      { command: "rein sessions prune", does: "older than 30 days, or beyond 1 GB" },
      { command: "rein sessions prune --older 7d --max 100MB", does: "more of them" },
    ],
    load: async () => (await import("./sessions-change.ts")).pruneCommand,
  },
  {
    name: "cost",
    summary: "Show what model calls cost, or would have cost elsewhere",
    positionals: "",
    count: { min: 0, max: 0 },
    flags: [
      {
        name: "--by",
        value: { name: "WHAT", choices: ["model", "agent", "day", "session"] },
        help: "Put calls together by this (default: model); days are of UTC",
      },
      { name: "--since", value: { name: "WHEN" }, help: "Only calls since then: '12h', '7d', '2w' or '2026-11-01'" },
      {
        name: "--compare",
        value: { name: "cloud=MODEL,local=MODEL" },
        help: "Price the same calls as all made by one model, all by the other, and as they were, by month",
      },
      { name: "--watts", value: { name: "WATTS" }, help: "With --compare: what this machine draws while it answers" },
      { name: "--per-kwh", value: { name: "DOLLARS" }, help: "With --compare: the price of a kilowatt-hour" },
      {
        name: "--hardware",
        value: { name: "DOLLARS" },
        help: "With --compare: the price of the machine, and in how many months it is paid for",
      },
      outputFlag("text", "json", "csv"),
    ],
    examples: [
      { command: "rein cost", does: "by model, all that the journal has" },
      { command: "rein cost --by day --since 7d --output csv", does: "the last week, for a spreadsheet" },
      {
        command: "rein cost --compare cloud=anthropic/claude-sonnet-5-5,local=local/smollm2 --watts 350 --per-kwh 0.30",
        does: "what it would have been elsewhere",
      },
    ],
    load: async () => (await import("./cost.ts")).costCommand,
  },
];
