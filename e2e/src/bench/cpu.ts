import type { Service } from '@entdb/deploy/local';

/** Processor time that a service has used since it started, its threads included. */
export async function cpuSecondsOf({ http, name }: Service): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  const found = /^\w*process_cpu_seconds_total(?:\{[^}]*\})? (\S+)$/m.exec(text);
  if (!found) throw new Error(`${name} does not say how much processor time it has used`);
  return Number(found[1]);
}
