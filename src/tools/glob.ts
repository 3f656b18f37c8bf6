/**
 * Whether a path below the folder that is looked through is wanted. A pattern without a slash is matched against the name alone;
 * a leading ! turns it round; no pattern wants all.
 */
export function globFilter(pattern: string): (path: string) => boolean {
  if (pattern === "") return () => true;
  const except = pattern.startsWith("!");
  const bare = (except ? pattern.slice(1) : pattern).replace(/^\.?\//, "");
  const glob = new Bun.Glob(bare.includes("/") ? bare : `**/${bare}`);
  return (path) => glob.match(path) !== except;
}
