import { EntError, type Clock } from '@entdb/base';
import { createProgress } from './progress.ts';

const clockAt = (start: number): Clock & { at: number } => ({
  at: start,
  now() {
    return this.at;
  },
  monotonic() {
    return this.at;
  },
  sleep: () => Promise.resolve(),
});

describe('progress of a partition', () => {
  it('is reached by the very first record: offset 0 is a position like any other (#46)', async () => {
    const progress = createProgress('entdb-wal', new Map([[2, 0]]), clockAt(0));
    let woken = false;
    const waiting = progress.reached(2, 0, new AbortController().signal).then(() => (woken = true));
    await Promise.resolve();
    expect(woken).toBe(false);
    progress.advance(2, 1, 1, 0);
    await waiting;
  });

  it('knows after a restart what was applied before it (O6)', async () => {
    const progress = createProgress('entdb-wal', new Map([[2, 17]]), clockAt(0));
    await progress.reached(2, 16, AbortSignal.abort());
  });

  it('wakes only those whose record has been applied', async () => {
    const progress = createProgress('entdb-wal', new Map([[0, 0]]), clockAt(0));
    const woken: number[] = [];
    const waits = [0, 4, 5].map((offset) =>
      progress.reached(0, offset, new AbortController().signal).then(() => woken.push(offset)),
    );
    progress.advance(0, 5, 9, 0);
    await Promise.all(waits.slice(0, 2));
    expect(woken).toEqual([0, 4]);
    progress.advance(0, 9, 9, 0);
    await Promise.all(waits);
    expect(woken).toEqual([0, 4, 5]);
  });

  it('fails by the deadline instead of answering with less, and passes other reasons on', async () => {
    const progress = createProgress('entdb-wal', new Map([[0, 3]]), clockAt(0));
    const late = AbortSignal.abort(new EntError('DEADLINE_EXCEEDED', 'too late'));
    await expect(progress.reached(0, 3, late)).rejects.toMatchObject({
      code: 'POSITION_NOT_REACHED',
      facts: { position: { offset: 3 } },
    });
    const gone = new AbortController();
    const waiting = progress.reached(0, 7, gone.signal);
    gone.abort(new EntError('CANCELED', 'the caller went away'));
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELED' });
  });

  it('refuses a partition of another shard', async () => {
    const progress = createProgress('entdb-wal', new Map([[0, 0]]), clockAt(0));
    await expect(progress.reached(1, 0, new AbortController().signal)).rejects.toMatchObject({
      code: 'WRONG_OWNER',
    });
  });

  it('tells how old the oldest record is that is not applied', () => {
    const clock = clockAt(10_000);
    const progress = createProgress('entdb-wal', new Map([[0, 0]]), clock);
    expect(progress.lag(0)).toEqual({ nextOffset: 0, endOffset: 0, lagMs: 0 });
    progress.observeEnd(0, 4);
    clock.at = 12_500;
    expect(progress.lag(0).lagMs).toBe(2_500);
    // Half-way: the last one applied is 9 s old, so what follows is no older.
    progress.advance(0, 2, 4, 3_500);
    expect(progress.lag(0).lagMs).toBe(9_000);
    expect(progress.caughtUp(0)).toBe(false);
    progress.advance(0, 4, 4, 12_400);
    expect(progress.lag(0).lagMs).toBe(0);
    expect(progress.caughtUp(0)).toBe(true);
    // Idle for an hour, then one record: its age counts, not the hour.
    clock.at += 3_600_000;
    progress.observeEnd(0, 5);
    expect(progress.lag(0).lagMs).toBe(0);
  });
});
