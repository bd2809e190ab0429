import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRinger, listen } from './doorbell.ts';

describe('the bell', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'entdb-bell-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('is heard before anyone would have looked, whoever comes first', async () => {
    const path = join(directory, 't.bell');
    const { promise: heard, resolve } = Promise.withResolvers<void>();
    // Looking by itself comes too late for this test to end.
    const listener = listen(path, resolve, { lookEveryMs: 3_600_000 });
    const ringer = createRinger(path);
    ringer.ring();
    await heard;
    ringer.close();
    listener.close();
  });

  it.each([
    ['was lost', 't.bell'],
    ['cannot be watched', 'no-such-directory/t.bell'],
  ])('is not needed: a reader looks by itself when a ring %s', async (_what, name) => {
    let looks = 0;
    const { promise: looked, resolve } = Promise.withResolvers<void>();
    const listener = listen(join(directory, name), () => {
      looks += 1;
      if (looks === 3) resolve();
    });
    await looked;
    listener.close();
  });
});
