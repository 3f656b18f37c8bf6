/** Wakes those who wait for something new. */
export type News = { tell(): void; next(): Promise<void> };

export function newsBoard(): News {
  let waiting = Promise.withResolvers<void>();
  return {
    tell: () => {
      waiting.resolve();
      waiting = Promise.withResolvers();
    },
    next: () => waiting.promise,
  };
}
