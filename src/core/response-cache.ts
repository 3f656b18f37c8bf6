/** Answers to requests that were made before, by the hash of all that was sent. What cannot be kept is not kept. */
export type ResponseCache = {
  read(key: string): Promise<string | undefined>;
  write(key: string, answer: string): Promise<void>;
};
