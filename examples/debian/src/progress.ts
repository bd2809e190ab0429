/** Progress on standard error: one line that is written over on a terminal, a line every few seconds elsewhere. */
export interface Progress {
  begin(what: string, total: number): void;
  add(count: number): void;
  end(): void;
}

export function createProgress(stream: NodeJS.WriteStream): Progress {
  const everyMs = stream.isTTY ? 100 : 5_000;
  let what = '';
  let total = 0;
  let done = 0;
  let started = 0;
  let shown = 0;
  const show = (last: boolean) => {
    const seconds = (performance.now() - started) / 1000;
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    const text = `${what}: ${format(done)} of ${format(total)} (${percent} %), ${format(Math.round(done / Math.max(seconds, 0.001)))}/s, ${seconds.toFixed(1)} s`;
    if (stream.isTTY) stream.write(`\r\x1b[K${text}${last ? '\n' : ''}`);
    else stream.write(`${text}\n`);
  };
  return {
    begin(name, count) {
      [what, total, done, started, shown] = [name, count, 0, performance.now(), performance.now()];
    },
    add(count) {
      done += count;
      if (performance.now() - shown < everyMs) return;
      shown = performance.now();
      show(false);
    },
    end: () => show(true),
  };
}

export function format(count: number): string {
  return count.toLocaleString('en-US');
}
