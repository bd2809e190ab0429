import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSegmentBytes, snapshotFileName } from '@entdb/archive-format';
import type { Clock, Rng } from '@entdb/base';
import type { ObjectStore } from '@entdb/object-store';
import { loadCatalog, type Catalog } from './catalog.ts';
import { checkErasures } from './check-erasures.ts';
import { bytesPerSecond, documentsPerSecond, recordsPerSecond } from './estimate.ts';
import { fetchSnapshot } from './fetch-snapshot.ts';
import { finding, type Finding, type VerifyLevel } from './finding.ts';
import { checkObject } from './files.ts';
import { faultsOf, idOf, windowsOf, type RestorableWindow } from './history.ts';
import type { Point } from './limit.ts';
import { mapBounded } from './map-bounded.ts';
import type { Digests } from './replay.ts';
import type { RestoreReport } from './report.ts';
import { restoreTenant } from './restore.ts';
import { verifyRestorePoints } from './verify-restore-points.ts';

export interface VerifyRequest {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly tenantId: string;
  readonly level: VerifyLevel;
  /** Digests that the live system published, by sequence. */
  readonly published?: ReadonlyMap<number, Digests>;
  readonly signal?: AbortSignal;
}

export interface VerifyReport {
  readonly tenantId: string;
  readonly level: VerifyLevel;
  /** Nothing was found. */
  readonly ok: boolean;
  readonly cost: VerifyCost;
  readonly windows: readonly RestorableWindow[];
  readonly findings: readonly Finding[];
  /** What is normal and worth knowing: work that is under way or was left half-way. */
  readonly notes: readonly string[];
  /** Of the trial restore. */
  readonly restored: Pick<RestoreReport, 'reached' | 'digests' | 'records'> | null;
}

export interface VerifyCost {
  readonly objects: number;
  readonly bytes: number;
  readonly diskBytes: number;
  readonly estimateSeconds: number;
  readonly sentence: string;
}

const objectsInFlightMax = 4;
const segmentBytesMax = 256 * 1024 * 1024;

/** What a level reads and writes, from the catalog alone. */
export function verifyCost({ history, sizes }: Catalog, level: VerifyLevel): VerifyCost {
  const documents = history.segments.length + history.snapshots.length;
  const segmentBytes = history.segments.reduce((sum, { bytes }) => sum + bytes, 0);
  const fileBytes = history.snapshots
    .flatMap(({ files }) => files)
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const read = level === 'present' ? 0 : segmentBytes + fileBytes;
  const newest = history.snapshots.at(-1)?.files.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0;
  const records = history.segments.reduce((sum, segment) => sum + segment.records, 0);
  const replay = level === 'restore' ? records / recordsPerSecond : 0;
  const estimateSeconds = Math.ceil(
    documents / documentsPerSecond + read / bytesPerSecond + replay,
  );
  const objects = level === 'present' ? documents : sizes.size;
  const bytes = level === 'restore' ? read + segmentBytes + fileBytes : read;
  const diskBytes = level === 'restore' ? newest + segmentBytes * 4 : 0;
  const sentence = {
    present: `four listings and ${documents} small objects`,
    checksums: `reads ${objects} objects, ${bytes} bytes`,
    restore: `reads ${objects} objects, ${bytes} bytes, applies ${records} records, and needs up to ${diskBytes} bytes of disk for the trial`,
  }[level];
  return { objects, bytes, diskBytes, estimateSeconds, sentence };
}

/** Never throws for damage: that is what the report is for. */
export async function verifyTenant(request: VerifyRequest): Promise<VerifyReport> {
  const { store, tenantId, level, signal } = request;
  const call = signal ? { signal } : {};
  const catalog = await loadCatalog(store, tenantId, call);
  const { history } = catalog;
  const findings: Finding[] = [
    ...[...history.damaged, ...history.erasures.flatMap(({ damage }) => damage ?? [])].map(
      ({ object, code, reason }) => ({ object, code, message: reason }),
    ),
    ...faultsOf(history).map(({ segment, message }) => ({
      object: segment,
      code: 'ARCHIVE_BROKEN' as const,
      message,
    })),
    ...catalog.unknown.map((object) => ({
      object,
      code: 'UNKNOWN_OBJECT' as const,
      message: `${object} has a name that nothing of EntDB gives`,
    })),
  ];
  const restorePoints = await verifyRestorePoints(store, tenantId, level, call);
  findings.push(...restorePoints.findings);
  if (level !== 'present') findings.push(...(await checkBytes(store, catalog, call)));
  let restored: VerifyReport['restored'] = null;
  if (level === 'restore') {
    const trial = await tryRestore(request, catalog);
    findings.push(...trial.findings);
    restored = trial.restored;
  }
  return {
    tenantId,
    level,
    ok: findings.length === 0,
    cost: verifyCost(catalog, level),
    windows: windowsOf(history),
    findings,
    notes: [
      ...(catalog.unfinished === undefined ? [] : [`${catalog.unfinished} has no checksum yet`]),
      ...catalog.incomplete.map((id) => `${id} was never finished and is not used`),
      ...restorePoints.notes,
      ...(endsErased(history)
        ? ['the archive does not reach the erasure yet: nothing can be restored']
        : []),
    ],
    restored,
  };
}

/** An archiver writes of an erasure before the segment that has the record: until then there is nothing to restore to. */
function endsErased({ erasures, segments }: Catalog['history']): boolean {
  const erased = erasures.at(-1);
  return erased !== undefined && erased.at.sequence > (segments.at(-1)?.lastSequence ?? 0);
}

async function checkBytes(
  store: ObjectStore,
  { history }: Catalog,
  call: { readonly signal?: AbortSignal },
): Promise<readonly Finding[]> {
  const { tenantId } = history;
  const segments = await mapBounded(history.segments, objectsInFlightMax, (segment) =>
    finding(segment.segment, async () =>
      checkSegmentBytes(
        await store.read(segment.segment, { bytesMax: segmentBytesMax, ...call }),
        segment,
      ),
    ),
  );
  const files = history.snapshots.flatMap((snapshot) =>
    snapshot.files.map(({ name, bytes, sha256 }) => ({
      key: snapshotFileName(tenantId, idOf(snapshot), name),
      bytes,
      sha256,
    })),
  );
  const snapshots = await mapBounded(files, objectsInFlightMax, (file) =>
    finding(file.key, () => checkObject(store, file, call)),
  );
  return [...segments, ...snapshots].flat();
}

/** From the very beginning where the archive still has it, else from the oldest snapshot: the longest way there is. */
async function tryRestore(
  request: VerifyRequest,
  { history }: Catalog,
): Promise<{ readonly findings: readonly Finding[]; readonly restored: VerifyReport['restored'] }> {
  const { store, tenantId, signal } = request;
  const dir = mkdtempSync(join(tmpdir(), 'entdb-verify-'));
  try {
    const findings: Finding[] = [];
    for (const snapshot of history.snapshots) {
      const opened = mkdtempSync(join(dir, 'snapshot-'));
      findings.push(
        ...(await finding(idOf(snapshot), () =>
          fetchSnapshot(store, snapshot, opened, {
            check: 'structure',
            ...(signal && { signal }),
          }),
        )),
      );
      rmSync(opened, { recursive: true, force: true });
    }
    // An older one that is protected is alone: retention took the segments after it.
    const first = history.segments[0]?.firstSequence ?? 1;
    const oldest =
      history.snapshots.find(({ sequence }) => sequence >= first - 1) ?? history.snapshots[0];
    const hasBeginning = history.segments[0]?.firstSequence === 1;
    const from =
      hasBeginning || !oldest
        ? { kind: 'scratch' as const }
        : { kind: 'snapshot' as const, id: idOf(oldest) };
    if (endsErased(history)) return { findings, restored: null };
    let restored: VerifyReport['restored'] = null;
    const erasures: Point[] = [];
    const failed = await finding(tenantId, async () => {
      const { plan, reached, digests, records } = await restoreTenant({
        ...request,
        target: { kind: 'latest' },
        from,
        short: 'accept',
        outputDir: join(dir, 'trial'),
        scrub: true,
        onErasure: (at) => erasures.push(at),
      });
      restored = { reached, digests, records };
      const stretch = { after: plan.base.at.sequence, last: reached.sequence };
      findings.push(...checkErasures(tenantId, stretch, history.erasures, erasures));
    });
    return { findings: [...findings, ...failed], restored };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
