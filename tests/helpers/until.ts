/** How long a test waits for something before it says so, in milliseconds: less than a test may take. */
const patienceMs = 25_000;

/** Waits until something holds that nobody tells of, such as what another process does, for as long as a busy machine may need. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`It did not come about within ${patienceMs / 1000} s: ${holds}`);
    await Bun.sleep(10);
  }
}
