/** A number of bytes for people, in powers of ten as disks and downloads are counted: `512 B`, `98.4 MB`, `4.7 GB`. */
export function bytes(number: number): string {
  const [unit, size] = units.find(([, size]) => number >= size * 0.9995) ?? ["B", 1];
  return `${unit === "B" ? number : (number / size).toFixed(1)} ${unit}`;
}

const units: ReadonlyArray<readonly [string, number]> = [
  ["TB", 1e12],
  ["GB", 1e9],
  ["MB", 1e6],
  ["kB", 1e3],
];
