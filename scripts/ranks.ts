/** `ranks ENCODING FILE`: writes the table that tokens are counted by, packed, from the source of the crate that brings it. */
import { mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";

const [encoding = "", file = ""] = process.argv.slice(2);
const root = join(import.meta.dir, "..");
const manifest = join(root, "native/Cargo.toml");
const metadata = Bun.spawnSync([
  join(root, "scripts/cargo"),
  ...`metadata --format-version=1 --locked --all-features --manifest-path`.split(" "),
  manifest,
]);
if (!metadata.success) throw new Error(metadata.stderr.toString());
const { packages }: { packages: Array<{ name: string; manifest_path: string }> } = JSON.parse(
  metadata.stdout.toString(),
);
const crate = packages.find(({ name }) => name === "bpe-openai");
if (crate === undefined) throw new Error("The crate 'bpe-openai' is not in native/Cargo.lock");

const source = Bun.file(join(dirname(crate.manifest_path), "data", `${encoding}.tiktoken.gz`));
const lines = new TextDecoder()
  .decode(Bun.gunzipSync(await source.bytes()))
  .trimEnd()
  .split("\n");
// Each token's length in a byte, then its bytes; its rank is its place.
const tokens = lines.map((line, rank) => {
  const [token = "", number] = line.split(" ");
  const bytes = Buffer.from(token, "base64");
  if (Number(number) !== rank || bytes.length === 0 || bytes.length > 255) throw new Error(`Not rank ${rank}: ${line}`);
  return Buffer.concat([Uint8Array.of(bytes.length), bytes]);
});
mkdirSync(dirname(file), { recursive: true });
await Bun.write(`${file}.new`, Bun.zstdCompressSync(Buffer.concat(tokens), { level: 19 }));
renameSync(`${file}.new`, file);
