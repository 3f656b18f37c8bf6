/** A sum of decimals as one adds them on paper: 0.1 + 0.2 is 0.3, and so not above 0.3. */
export function decimal(sum: number): number {
  return Math.round(sum * 1e9) / 1e9;
}
