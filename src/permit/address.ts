/** An IP address as 16 bytes; IPv4 stands in `::ffff:0:0/96`, so that both spellings of one address are the same. */
export type Address = number[];

/** The addresses whose first `bits` bits are those of `address`. */
export type Network = { address: Address; bits: number };

/** Reads an address as people and resolvers write it. Undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  const address = text.includes(":") ? parseV6(text) : parseV4(text);
  // Behind NAT64 an IPv4 address is reached as 64:ff9b::a.b.c.d: it is judged as the address that it leads to.
  return address !== undefined && within(nat64, address) ? mapped(address.slice(12)) : address;
}

/** Reads `10.0.0.0/8`, `fc00::/7` or a single address. Undefined when it is none. */
export function parseNetwork(text: string): Network | undefined {
  const [head = "", tail, ...rest] = text.split("/");
  const v6 = head.includes(":");
  const address = v6 ? parseV6(head) : parseV4(head);
  if (address === undefined || rest.length > 0) return undefined;
  if (tail === undefined) return { address, bits: 128 };
  const width = v6 ? 128 : 32;
  const bits = /^\d{1,3}$/.test(tail) ? Number(tail) : Number.NaN;
  return bits <= width ? { address, bits: bits + 128 - width } : undefined;
}

export function within(network: Network, address: Address): boolean {
  const whole = network.bits >> 3;
  for (let i = 0; i < whole; i++) if (network.address[i] !== address[i]) return false;
  const shift = 8 - (network.bits & 7);
  return shift === 8 || (network.address[whole] ?? 0) >> shift === (address[whole] ?? 0) >> shift;
}

/** Whether an address belongs to the public internet: not this machine, its network, a cloud's metadata, or reserved. */
export function isPublic(address: Address): boolean {
  ranges ??= readRanges();
  return !ranges.notPublic.some((network) => within(network, address));
}

export function isLoopback(address: Address): boolean {
  ranges ??= readRanges();
  return ranges.loopback.some((network) => within(network, address));
}

function parseV4(text: string): Address | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const parts = text.split(".");
  // A leading zero means octal to some readers: nobody can say which address was meant.
  if (parts.some((part) => Number(part) > 255 || (part.length > 1 && part.startsWith("0")))) return undefined;
  return mapped(parts.map(Number));
}

function parseV6(text: string): Address | undefined {
  // The URL parser knows all spellings of IPv6 and leaves only hexadecimal groups and one `::`.
  if (!URL.canParse(`http://[${text}]/`)) return undefined;
  const [head = "", tail] = new URL(`http://[${text}]/`).hostname.slice(1, -1).split("::");
  const left = groups(head);
  const right = groups(tail ?? "");
  const gap = Array.from({ length: 8 - left.length - right.length }, () => 0);
  return [...left, ...gap, ...right].flatMap((group) => [group >> 8, group & 255]);
}

function groups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

function mapped(v4: number[]): Address {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...v4];
}

function networks(...texts: string[]): Network[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}

const nat64: Network = { address: [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], bits: 96 };

/** Read when the first address is judged. */
let ranges: { loopback: Network[]; notPublic: Network[] } | undefined;

function readRanges(): { loopback: Network[]; notPublic: Network[] } {
  const loopback = networks("127.0.0.0/8", "::1");
  const notPublic = networks(
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "168.63.129.16", // Azure's metadata, at an address that looks public
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b:1::/48",
    "2001::/32", // Teredo and 6to4 lead to an IPv4 address that they hide
    "2002::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
  );
  return { loopback, notPublic: [...loopback, ...notPublic] };
}
