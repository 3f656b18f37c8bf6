/*
 * What a terminal sends for keys. By our own hand, since node:readline, and with it every library for prompts that runs here, breaks a
 * bracketed paste into lines, so that pasted text would be sent in pieces.
 */

/** Something typed. A key's name has its modifiers before it, in the order ctrl, alt, shift: `ctrl-left`, `alt-b`, `enter`. */
export type Key = { kind: "text"; text: string } | { kind: "paste"; text: string } | { kind: "key"; name: string };

const pasteStart = "\u001b[200~";
const pasteEnd = "\u001b[201~";

/** No reply of a terminal is longer; what is was no sequence. */
const longestSequence = 4096;

const byLetter: Readonly<Record<string, string>> = {
  A: "up",
  B: "down",
  C: "right",
  D: "left",
  H: "home",
  F: "end",
  Z: "shift-tab",
};
const byNumber: Readonly<Record<string, string>> = {
  1: "home",
  2: "insert",
  3: "delete",
  4: "end",
  5: "page-up",
  6: "page-down",
  7: "home",
  8: "end",
};
const byCode: Readonly<Record<number, string>> = {
  9: "tab",
  13: "enter",
  27: "escape",
  127: "backspace",
  8: "backspace",
};

const csi = /^\u001b\[([\d;:<?=>]*)[ -/]*([@-~])/;
const csiBegun = /^\u001b\[[\d;:<?=>]*[ -/]*$/;
/** What terminals answer: nobody asked, and none of it is typed. */
const reply = /^\u001b[\]P_^X][^\u0007\u001b]*(?:\u0007|\u001b\\)/;
const replyBegun = /^\u001b[\]P_^X][^\u0007\u001b]+\u001b?$/;

/** Decodes bytes as they come. A lone escape waits for what may belong to it; `flush` says that nothing will come. */
export function keyDecoder() {
  const utf8 = new TextDecoder();
  let held = "";
  let pasted: string | undefined;

  function take(count: number): string {
    const taken = held.slice(0, count);
    held = held.slice(count);
    return taken;
  }

  /** The next key; undefined where more must come. */
  function next(): Key | undefined | "nothing" {
    if (pasted !== undefined) return paste();
    if (held.startsWith(pasteStart)) {
      take(pasteStart.length);
      pasted = "";
      return paste();
    }
    if (held.startsWith("\u001b")) return sequence();
    const code = held.charCodeAt(0);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) {
      take(1);
      return control(code);
    }
    const end = held.search(/[\u0000-\u001f\u007f-\u009f]/);
    return { kind: "text", text: take(end < 0 ? held.length : end) };
  }

  function paste(): Key | undefined {
    const end = held.indexOf(pasteEnd);
    if (end < 0) {
      // Its end may be cut in two.
      pasted += take(Math.max(0, held.length - pasteEnd.length));
      return undefined;
    }
    const text = (pasted ?? "") + take(end);
    take(pasteEnd.length);
    pasted = undefined;
    return { kind: "paste", text: text.replace(/\r\n?/g, "\n") };
  }

  function sequence(): Key | undefined | "nothing" {
    const found = csi.exec(held);
    if (found !== null) {
      take(found[0].length);
      const name = csiName(found[1] ?? "", found[2] ?? "");
      return name === undefined ? "nothing" : keyOf(name);
    }
    if (csiBegun.test(held) && held.length < longestSequence) return undefined;
    const answered = reply.exec(held);
    if (answered !== null) {
      take(answered[0].length);
      return "nothing";
    }
    if (replyBegun.test(held) && held.length < longestSequence) return undefined;
    if (/^\u001bO.?$/.test(held) || /^\u001bO[A-Z]/.test(held)) {
      if (held.length < 3) return undefined;
      const name = byLetter[take(3).charAt(2)];
      return name === undefined ? "nothing" : keyOf(name);
    }
    return held.length < 2 ? undefined : meta();
  }

  /** Escape and a character are that key with Alt. */
  function meta(): Key {
    take(1);
    const character = String.fromCodePoint(held.codePointAt(0) ?? 0);
    if (character === "\u001b") return keyOf("escape");
    take(character.length);
    const code = character.charCodeAt(0);
    if (code >= 0x20 && code !== 0x7f) return keyOf(`alt-${character}`);
    const plain = control(code);
    return typeof plain === "object" && plain.kind === "key" ? keyOf(`alt-${plain.name}`) : keyOf("escape");
  }

  function all(): Key[] {
    const keys: Key[] = [];
    for (;;) {
      const key = held === "" ? undefined : next();
      if (key === undefined) return keys;
      if (key !== "nothing") keys.push(key);
    }
  }

  return {
    push(bytes: Uint8Array): Key[] {
      held += utf8.decode(bytes, { stream: true });
      return all();
    },
    /** Whether something waits for its end. */
    waits: () => held !== "" && pasted === undefined,
    /** What waited was all. */
    flush(): Key[] {
      if (held === "" || pasted !== undefined) return [];
      if (held.length === 1) {
        take(1);
        return [keyOf("escape")];
      }
      return [meta(), ...all()];
    },
  };
}

function keyOf(name: string): Key {
  return { kind: "key", name };
}

function control(code: number): Key | "nothing" {
  if (code >= 0x80) return "nothing";
  const named = byCode[code];
  if (named !== undefined) return keyOf(named);
  // Ctrl and a letter; above those of letters: Ctrl-\ ] ^ _.
  const letter = String.fromCharCode(code + 0x40).toLowerCase();
  return keyOf(`ctrl-${code === 0 ? "space" : letter}`);
}

/** A key by the parameters and the last letter of its sequence; undefined for what is none. */
function csiName(parameters: string, letter: string): string | undefined {
  const [first = "", second = "", third = ""] = parameters.split(";").map((part) => part.replace(/:.*/, ""));
  if (letter === "~") {
    // As xterm tells keys that have no sequence of their own.
    const name = first === "27" ? codeName(Number(third)) : byNumber[first];
    return name && withModifiers(name, Number(second));
  }
  if (letter === "u") {
    const name = codeName(Number(first));
    return name && withModifiers(name, Number(second));
  }
  const name = byLetter[letter];
  return name && withModifiers(name, Number(second));
}

function codeName(code: number): string | undefined {
  return byCode[code] ?? (code > 0x20 && code < 0xe000 ? String.fromCharCode(code).toLowerCase() : undefined);
}

function withModifiers(name: string, parameter: number): string {
  const bits = Math.max(0, parameter - 1);
  return `${bits & 4 ? "ctrl-" : ""}${bits & 2 ? "alt-" : ""}${bits & 1 ? "shift-" : ""}${name}`;
}
