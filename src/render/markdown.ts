import { clean } from "./clean.ts";
import { tableLines } from "./markdown-table.ts";

/**
 * Markdown for a terminal. Bun parses it and calls back for each piece, the innermost first. A piece is text in which control
 * characters, which clean text cannot hold, stand for structure until the lines are laid out.
 */
const mark = {
  /** Around each block. */
  block: "\u0001",
  /** Before the text of a block that is a list. */
  list: "\u0002",
  /** A line's parts: what stands before its first row, before those that it is wrapped to, and its text. */
  part: "\u0003",
  /** Before a line that is not wrapped by us. */
  fixed: "\u0004",
  /** Behind a table's cell, and behind its row. */
  cell: "\u0005",
  row: "\u0006",
} as const;

/** HTML stays the text that it is: there is nothing here that could show it. */
const options = { noHtmlBlocks: true, noHtmlSpans: true } as const;

/** Less is not worth wrapping for: the terminal does it then. */
const leastWidth = 10;

/** A parsed block, ready to be laid out. Two texts that parse to the same blocks look the same. */
export type Block = string;

/** The top-level blocks of a text that `clean` has seen. */
export function parseMarkdown(source: string): Block[] {
  return split(Bun.markdown.render(source, callbacks, options)).map(({ text }) => text);
}

/** A whole text that `clean` has seen: its blocks, a line apart. */
export function markdownText(source: string, columns: number): string {
  const blocks = parseMarkdown(source).map((block) => `${layOut(block, columns).join("\n")}\n`);
  return blocks.join("\n");
}

/** A block as lines no wider than the terminal, but for code, whose lines stay whole so that they can be copied. */
export function layOut(block: Block, columns: number): string[] {
  return block.split("\n").flatMap((line) => {
    const [first, rest, text] = parts(line);
    const width = Math.max(columns - Bun.stringWidth(first), leastWidth);
    if (text.startsWith(mark.fixed)) return [first + text.slice(1)];
    if (text === rule) return [first + dim("─".repeat(Math.min(width, 40)))];
    if (text.includes(mark.row))
      return tableLines(rowsOf(text), width).map((row, at) => (at === 0 ? first : rest) + row);
    const rows = Bun.wrapAnsi(text.replaceAll("\t", " "), width, { hard: true }).split("\n");
    return rows.map((row, at) => ((at === 0 ? first : rest) + row).trimEnd());
  });
}

const rule = "\u0007";

const callbacks: Bun.markdown.RenderCallbacks = {
  // An entity may stand for a control character.
  text: clean,
  strong: (text) => styled(text, 1, 22),
  emphasis: (text) => styled(text, 3, 23),
  strikethrough: (text) => styled(text, 9, 29),
  codespan: (text) => styled(text, 36, 39),
  link: (text, { href }) => link(text, href),
  image: (text, { src }) => link(text === "" ? "image" : text, src),
  heading: (text, { level }) => asBlock(eachLine(text, (line) => heading(line, level))),
  paragraph: asBlock,
  hr: () => asBlock(rule),
  code: (text, meta) => {
    const lines = text.replace(/\n$/, "").split("\n");
    const language = clean(meta?.language ?? "");
    const shown = [dim(`\`\`\`${language}`), ...lines.map((line) => styled(line, 36, 39)), dim("```")];
    return asBlock(shown.map((line) => mark.fixed + line).join("\n"));
  },
  blockquote: (text) => asBlock(indented(joined(text), dim("│ "), dim("│ "))),
  list: (items) => asBlock(mark.list + items.replace(/\n$/, "")),
  listItem: (text, { ordered, start = 1, index, checked }) => {
    const bullet = ordered ? `${start + index}. ` : "• ";
    const box = checked === undefined ? "" : checked ? "[x] " : "[ ] ";
    return `${indented(joined(text), bullet + box, " ".repeat(bullet.length))}\n`;
  },
  th: (text, meta) => cell(styled(text, 1, 22), meta?.align),
  td: (text, meta) => cell(text, meta?.align),
  tr: (cells) => cells + mark.row,
  table: asBlock,
};

function asBlock(text: string): string {
  return mark.block + text + mark.block;
}

/** What a parsed text consists of: its blocks, and bare text, such as that of a short list's item. */
function split(text: string): Array<{ text: string; block: boolean; list: boolean }> {
  return text
    .split(mark.block)
    .map((part, at) => ({ text: part.replace(mark.list, ""), block: at % 2 === 1, list: part.startsWith(mark.list) }))
    .filter((part) => part.text !== "");
}

/** A container's content: blocks are a line apart, but for a list below its text. */
function joined(text: string): string {
  const content = split(text);
  return content
    .map((part, at) => (at === 0 ? "" : part.list || content[at - 1]?.block === false ? "\n" : "\n\n") + part.text)
    .join("");
}

function indented(text: string, first: string, rest: string): string {
  const lines = text.split("\n").map((line, at) => {
    const [before, next, content] = parts(line);
    return [(at === 0 ? first : rest) + before, rest + next, content].join(mark.part);
  });
  return lines.join("\n");
}

function parts(line: string): [first: string, rest: string, text: string] {
  const [first = "", rest = "", text] = line.split(mark.part);
  return text === undefined ? ["", "", line] : [first, rest, text];
}

function cell(text: string, align: "left" | "center" | "right" = "left"): string {
  return `${align} ${text}${mark.cell}`;
}

function rowsOf(table: string): Array<Array<{ align: string; text: string }>> {
  const items = (text: string, end: string) => text.split(end).slice(0, -1);
  return items(table, mark.row).map((row) =>
    items(row, mark.cell).map((one) => {
      const at = one.indexOf(" ");
      return { align: one.slice(0, at), text: one.slice(at + 1).replaceAll(/\s/g, " ") };
    }),
  );
}

/** A link's target is always to be read, so that its text cannot lie about it. Terminals may open those of the web. */
function link(text: string, target: string): string {
  const web = webAddress(target);
  const shown = web ?? clean(target);
  const plain = Bun.stripANSI(text);
  const same = plain === shown || plain === target || `mailto:${plain}` === target || webAddress(plain) === shown;
  const whole = same || shown === "" ? text : `${styled(text, 4, 24)}${dim(` (${shown})`)}`;
  return web === undefined ? whole : `\u001b]8;;${web}\u001b\\${whole}\u001b]8;;\u001b\\`;
}

/** The address as a browser would go to it, in ASCII: letters of other alphabets that look like Latin ones are told apart. */
function webAddress(target: string): string | undefined {
  const url = URL.parse(target);
  const isWeb = url?.protocol === "https:" || url?.protocol === "http:";
  return isWeb && /^[\x21-\x7e]+$/.test(url.href) ? url.href : undefined;
}

function heading(line: string, level: number): string {
  return styled(level === 1 ? styled(line, 4, 24) : line, 1, 22);
}

function dim(text: string): string {
  return styled(text, 2, 22);
}

function eachLine(text: string, change: (line: string) => string): string {
  return text.split("\n").map(change).join("\n");
}

/** What is in it may have ended the same style, or one with the same end: then it begins again. */
function styled(text: string, on: number, off: number): string {
  const [begin, end] = [`\u001b[${on}m`, `\u001b[${off}m`];
  if (text === "") return "";
  return begin + (text.includes(end) ? text.replaceAll(end, end + begin) : text) + end;
}
