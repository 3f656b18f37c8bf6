/**
 * Where a text stands in another one, none over another. By Knuth, Morris and Pratt, since `indexOf` takes minutes where both repeat
 * themselves. No more than `most`.
 */
export function occurrences(text: string, wanted: string, most: number): number[] {
  /** For each beginning of what is wanted: how much of its end is a beginning too. */
  const again = new Uint32Array(wanted.length);
  for (let at = 1, same = 0; at < wanted.length; at++) {
    while (same > 0 && wanted.charCodeAt(at) !== wanted.charCodeAt(same)) same = again[same - 1] ?? 0;
    if (wanted.charCodeAt(at) === wanted.charCodeAt(same)) same++;
    again[at] = same;
  }
  const places: number[] = [];
  for (let at = 0, same = 0; at < text.length; at++) {
    while (same > 0 && text.charCodeAt(at) !== wanted.charCodeAt(same)) same = again[same - 1] ?? 0;
    if (text.charCodeAt(at) === wanted.charCodeAt(same)) same++;
    if (same < wanted.length) continue;
    places.push(at + 1 - same);
    if (places.length >= most) break;
    same = 0;
  }
  return places;
}
