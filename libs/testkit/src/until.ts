import { realClock } from '@entdb/base';

/** Resolves when the condition holds. The test's own limit is the only one. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await realClock.sleep(2);
}
