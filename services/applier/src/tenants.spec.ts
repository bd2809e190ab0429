import { getEventListeners } from 'node:events';
import { behindFrom } from '@entdb/tenant-store';
import fc from 'fast-check';
import { createTenants } from './tenants.ts';

const known = (tenantId: string, syncedOffset = -1) => ({
  tenantId,
  partition: 0,
  firstOffset: 0,
  state: { kind: 'active' } as const,
  syncedOffset,
});
const behind = (tenantId: string) => ({
  tenantId,
  partition: 0,
  state: behindFrom(0),
});

describe('the tenants of an applier', () => {
  it('wake who waits for a change, and only for that tenant', async () => {
    const tenants = createTenants([]);
    const { signal } = new AbortController();
    const woken: string[] = [];
    const waits = ['a', 'b'].map((id) => tenants.changed(id, signal).then(() => woken.push(id)));
    tenants.touch('b', 0);
    await waits[1];
    expect(woken).toEqual(['b']);
    tenants.change(behind('a'));
    await waits[0];
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('let go of one who no longer waits', async () => {
    const tenants = createTenants([]);
    const ended = new AbortController();
    const waiting = tenants.changed('a', ended.signal);
    ended.abort(new Error('too late'));
    await expect(waiting).rejects.toThrow('too late');
    await expect(tenants.changed('a', ended.signal)).rejects.toThrow('too late');
    tenants.touch('a', 0); // wakes nobody
  });

  it('know what their files hold: never less than before', () => {
    const tenants = createTenants([known('a', 7)]);
    expect([tenants.heldOffset('a'), tenants.heldOffset('unknown')]).toEqual([7, -1]);
    tenants.touch('a', 9);
    tenants.touch('a', 8);
    tenants.change(behind('a'));
    expect(tenants.heldOffset('a')).toBe(9);
    expect(tenants.troubled().get('a')?.state.kind).toBe('behind');
    tenants.change({ ...behind('a'), state: { kind: 'active' } });
    expect(tenants.troubled().size).toBe(0);
  });

  it('are listed page by page, each once and in order, also while some come', () => {
    const ids = fc.uniqueArray(fc.stringMatching(/^[A-Za-z0-9_-]{1,4}$/), { maxLength: 30 });
    fc.assert(
      fc.property(ids, fc.integer({ min: 1, max: 7 }), fc.string(), (all, size, late) => {
        const tenants = createTenants(all.map((id) => known(id)));
        const seen: string[] = [];
        for (let page = tenants.page('', size); page.length > 0;) {
          seen.push(...page);
          tenants.touch(late, 0);
          page = tenants.page(seen.at(-1)!, size);
        }
        expect(seen.filter((id) => id !== late)).toEqual(all.filter((id) => id !== late).sort());
      }),
    );
  });
});
