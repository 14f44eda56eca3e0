/** Registering many resources that lists show in a known order. */

/** Makes so many, ten at a time, and gives their ids: the newest first, as lists are. */
export async function newestFirst(count: number, make: (at: number, created: string) => Promise<string>): Promise<string[]> {
  const made: string[] = new Array(count);
  let next = 0;
  const work = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const created = new Date(Date.UTC(2026, 0, 1) + (count - at) * 60_000).toISOString();
      made[at] = await make(at, created);
    }
  };
  await Promise.all(Array.from({ length: 10 }, work));
  return made;
}
