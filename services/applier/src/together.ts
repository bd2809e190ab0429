/**
 * Runs tasks that end by one signal: the given one, or the failure of one of them, which is then the failure of all. `begin` starts the first; more may be started as
 * long as one runs. Resolves when all have ended: nothing runs on behind the caller's back.
 */
export async function together(
  signal: AbortSignal,
  begin: (both: AbortSignal, start: (task: Promise<void>) => void) => void,
): Promise<void> {
  const failed = new AbortController();
  const failures: unknown[] = [];
  const open = new Set<Promise<void>>();
  const start = (task: Promise<void>): void => {
    const watched = task
      .catch((error: unknown) => {
        failures.push(error);
        failed.abort();
      })
      .finally(() => open.delete(watched));
    open.add(watched);
  };
  begin(AbortSignal.any([signal, failed.signal]), start);
  while (open.size > 0) await Promise.all(open);
  if (failures.length > 0) throw failures[0];
}
