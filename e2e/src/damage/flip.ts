import { closeSync, openSync, readSync, writeSync } from 'node:fs';

/** Changes single bytes of a file in its place, and puts them back. */
export interface Flipper {
  /** Runs the body while the byte is another one. */
  changed<T>(at: number, mask: number, body: () => Promise<T>): Promise<T>;
  close(): void;
}

export function openFlipper(path: string): Flipper {
  const fd = openSync(path, 'r+');
  const one = Buffer.alloc(1);
  const write = (at: number, value: number) => {
    one[0] = value;
    writeSync(fd, one, 0, 1, at);
  };
  return {
    async changed(at, mask, body) {
      if (readSync(fd, one, 0, 1, at) !== 1) throw new Error(`there is no byte ${at}`);
      const before = one[0]!;
      write(at, before ^ mask);
      try {
        return await body();
      } finally {
        write(at, before);
      }
    },
    close: () => closeSync(fd),
  };
}
