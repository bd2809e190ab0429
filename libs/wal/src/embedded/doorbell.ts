import { closeSync, constants, openSync, watch, writeSync } from 'node:fs';
import { realClock } from '@entdb/base';

/**
 * How readers learn of commits of other processes: the writer touches a small file after each commit, and the system tells
 * those who watch it. To watch the log file itself would be too early, as its bytes are written before the commit is visible.
 */
export interface Ringer {
  ring(): void;
  close(): void;
}

const oneByte = new Uint8Array([1]);

export function createRinger(path: string): Ringer {
  const handle = openSync(path, constants.O_RDWR | constants.O_CREAT);
  return {
    ring: () => {
      try {
        writeSync(handle, oneByte, 0, 1, 0);
      } catch {
        // The commit is done and must be acknowledged; readers find it at their next look.
      }
    },
    close: () => closeSync(handle),
  };
}

/** A bell may be lost (its ringer killed between commit and ring), so readers look by themselves as well. */
const lookEveryMsDefault = 100;
/** Where nothing can be watched (a network file system, no inotify watch left), looking is all there is. */
const lookWithoutBellMs = 4;

/** Calls `onRing` after commits, and now and then without one; never after `close`. */
export function listen(
  path: string,
  onRing: () => void,
  options: { readonly lookEveryMs?: number } = {},
): { close(): void } {
  const ended = new AbortController();
  let everyMs = options.lookEveryMs ?? lookEveryMsDefault;
  const closeWatch = watchFile(path, onRing, () => {
    everyMs = lookWithoutBellMs;
  });
  const look = async () => {
    while (!ended.signal.aborted) {
      await realClock.sleep(everyMs, ended.signal).catch(() => {}); // closed: the loop ends
      if (!ended.signal.aborted) onRing();
    }
  };
  void look();
  return {
    close: () => {
      ended.abort();
      closeWatch();
    },
  };
}

function watchFile(path: string, onRing: () => void, onUnable: () => void): () => void {
  try {
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT));
    const watcher = watch(path, onRing);
    watcher.on('error', onUnable);
    return () => watcher.close();
  } catch {
    onUnable();
    return () => {};
  }
}
