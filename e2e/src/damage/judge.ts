import { existsSync, readdirSync, rmSync } from 'node:fs';
import { isEntError, realClock, realRng } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { exitCodes, restoreAll, type Places } from '@entdb/restore';
import { verifyTenant, type RestoreTarget } from '@entdb/snapshot';
import type { DamagedObject } from './fixture.ts';

/** What the tools made of an archive. */
export type Verdict =
  /** A named error that names the object; nothing is given out. */
  | { readonly kind: 'detected'; readonly code: string }
  /** Files were given out, with the digest. */
  | { readonly kind: 'restored'; readonly digest: string }
  /** Anything else: an error without a code, one that names nothing, or files beside an error. */
  | { readonly kind: 'defect'; readonly what: string };

/** Restores what cannot be had without the object. */
export async function tryRestore(
  store: ObjectStore,
  { key, tenantId, restore }: DamagedObject,
  outputDir: string,
): Promise<Verdict> {
  rmSync(outputDir, { recursive: true, force: true });
  const { outcomes, exitCode } = await restoreAll({
    places: placesOf(store),
    clock: realClock,
    rng: realRng,
    tenantIds: [tenantId],
    target: targetOf(key, restore),
    outputDir,
    start: { kind: restore === 'from scratch' ? 'scratch' : 'best' },
    archiveOnly: true,
  });
  const outcome = outcomes[0]!;
  if (outcome.kind === 'restored')
    return { kind: 'restored', digest: outcome.report.digests.canonical };
  const { error } = outcome;
  if (!isEntError(error)) return { kind: 'defect', what: `no code: ${String(error)}` };
  if (exitCode === exitCodes.ok) return { kind: 'defect', what: 'exit code 0' };
  if (existsSync(outputDir) && readdirSync(outputDir).length > 0)
    return { kind: 'defect', what: `files beside ${error.code}` };
  if (error.code === 'TENANT_ERASED') return { kind: 'detected', code: error.code };
  if (!`${error.message} ${error.facts.metadata?.['object'] ?? ''}`.includes(partOf(key)))
    return { kind: 'defect', what: `${error.code} names no object: ${error.message}` };
  return { kind: 'detected', code: error.code };
}

/** The object store alone. */
const placesOf = (store: ObjectStore): Places => ({
  store,
  wal: undefined,
  logOf: () => undefined,
  assertTopicsSafe: async () => {},
  close: async () => {},
});

function targetOf(key: string, restore: DamagedObject['restore']): RestoreTarget {
  switch (restore) {
    case 'from scratch':
      return { kind: 'latest' };
    case 'from the snapshot':
      return { kind: 'snapshot', id: key.split('/')[2]! };
    case 'before the erasure':
      return { kind: 'sequence', sequence: 2, inclusive: true };
  }
}

/** An object's own part of its key: a checksum is told by the name of its segment, a snapshot by its id. */
function partOf(key: string): string {
  const [kind, , third = ''] = key.split('/');
  if (kind === 'snapshots') return third;
  return key.split('/').at(-1)!.split('.')[0]!;
}

/** Whether `verify --level checksums` names the object. */
export async function tryVerify(
  store: ObjectStore,
  { key, tenantId }: DamagedObject,
): Promise<Verdict> {
  const options = { store, clock: realClock, rng: realRng, tenantId, level: 'checksums' } as const;
  const { findings, ok } = await verifyTenant(options);
  if (ok) return { kind: 'restored', digest: '' };
  const own = findings.find(({ object }) => object.includes(partOf(key)));
  return own
    ? { kind: 'detected', code: own.code }
    : {
        kind: 'defect',
        what: `the findings name others: ${findings.map(({ object }) => object).join(', ')}`,
      };
}
