import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseTenantId } from '@entdb/base';
import { mintKey } from '@entdb/client';
import {
  describeProgress,
  exitCodes,
  parseCount,
  parseTarget,
  previewInPlace,
  restoreInPlace,
  undoWords,
  type ExitCode,
  type InPlacePreview,
  type InPlaceReport,
  type TargetWords,
} from '@entdb/restore';
import type { Output } from '../../ui/output.ts';
import { withPlaces, type Surroundings } from './recovery.ts';
import { isoOf } from './tell.ts';

export interface InPlaceFlags {
  readonly tenantId: string;
  readonly target: TargetWords;
  readonly yes: boolean;
  readonly key?: string;
  readonly expectedEpoch?: string;
  readonly wait: string;
  readonly sample: string;
  readonly workDir?: string;
}

/** `entdb restore in-place`: says what would change, and does it if it was told to. */
export async function inPlace(flags: InPlaceFlags, surroundings: Surroundings): Promise<ExitCode> {
  const { output, json, signal } = surroundings;
  const tenantId = parseTenantId(flags.tenantId);
  const target = parseTarget(flags.target);
  const waitMs = parseCount('wait', flags.wait) * 1000;
  const sample = parseCount('sample', flags.sample);
  const expectedEpoch =
    flags.expectedEpoch === undefined
      ? undefined
      : parseCount('expected_epoch', flags.expectedEpoch);
  return withPlaces(surroundings, { archiveOnly: false }, async ({ places, clock, rng }) => {
    const request = {
      places,
      clock,
      rng,
      tenantId,
      target,
      sample,
      signal,
      onProgress: (progress: Parameters<typeof describeProgress>[0]) => {
        if (progress.state === 'done') output.note(describeProgress(progress));
      },
    };
    return withWorkDir(flags.workDir, async (workDir) => {
      const preview = await previewInPlace({ ...request, workDir });
      if (!json) tellPreview(preview, output);
      if (!flags.yes) {
        const command = commandOf(preview);
        if (json) output.json({ tenantId, preview, command });
        else output.line(`nothing was changed; to do it: ${command}`);
        return exitCodes.ok;
      }
      // Before anything is written: whoever is cut off goes on with it.
      const key = flags.key ?? mintKey(clock, rng);
      output.note(`key ${key}; cut off, say the same again with --key ${key}`);
      const order = { ...request, workDir, key, waitMs };
      const report = await restoreInPlace(
        { ...order, ...(expectedEpoch !== undefined && { expectedEpoch }) },
        preview,
      );
      const undo = undoWords(report);
      if (json) output.json({ tenantId, preview, report, undo });
      else tellDone(report, undo, output);
      return preview.passedOver.length === 0 ? exitCodes.ok : exitCodes.doubtful;
    });
  });
}

async function withWorkDir<T>(
  given: string | undefined,
  use: (dir: string) => Promise<T>,
): Promise<T> {
  const parent = given ?? tmpdir();
  mkdirSync(parent, { recursive: true });
  const dir = mkdtempSync(join(parent, 'entdb-in-place-'));
  try {
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** The record that the target came to is named, so that what was seen is what is done. */
const commandOf = ({ tenantId, target, epoch }: InPlacePreview): string =>
  `entdb restore in-place --tenant-id ${tenantId} --target-sequence ${target.sequence} --expected-epoch ${epoch} --yes`;

function tellPreview(preview: InPlacePreview, output: Output): void {
  const { tenantId, now, epoch, target, undone, changes, digests } = preview;
  output.line(`in-place restore of ${tenantId}`);
  const rows: (readonly [string, string])[] = [
    ['now', `record ${now.sequence}, offset ${now.offset}, ${isoOf(now.timeMs)}, epoch ${epoch}`],
    ['becomes', `record ${target.sequence}, offset ${target.offset}, ${isoOf(target.timeMs)}`],
    ['digests', `${digests.canonical} ${digests.mailbox}`],
  ];
  const { first, last, keys } = undone;
  if (first && last)
    rows.push([
      'undone',
      `${undone.records} record${undone.records === 1 ? '' : 's'}, offsets ${first.offset} to ${last.offset}, ${isoOf(first.timeMs)} to ${isoOf(last.timeMs)}`,
    ]);
  const more = undone.records > keys.length ? `, and ${undone.records - keys.length} more` : '';
  if (keys.length > 0) rows.push(['keys', `${keys.join(', ')}${more}`]);
  rows.push(...changesOf('nodes', changes.nodes, (id) => id));
  rows.push(
    ...changesOf(
      'edges',
      changes.edges,
      ({ fromId, toId, key }) => `${fromId}>${toId}${key && `:${key}`}`,
    ),
  );
  rows.push(...changesOf('items', changes.items, ({ userId, nodeId }) => `${userId}/${nodeId}`));
  for (const [name, value] of rows) output.line(`  ${name.padEnd(13)}${value}`);
  for (const { object, code, reason } of preview.passedOver)
    output.line(`  passed over  ${object}: ${code}: ${reason}`);
}

interface Changes<Key> {
  readonly types: readonly ({ readonly type: number } & Readonly<
    Record<
      'added' | 'removed' | 'changed',
      { readonly count: number; readonly ids: readonly Key[] }
    >
  >)[];
}

/** `nodes  type 1: added 5 (n1, n2, …)`: seen from now, so what comes back is added. */
function changesOf<Key>(
  name: string,
  changes: Changes<Key>,
  textOf: (key: Key) => string,
): readonly (readonly [string, string])[] {
  return changes.types.map((type) => {
    const kinds = (['added', 'changed', 'removed'] as const).flatMap((kind) => {
      const { count, ids } = type[kind];
      if (count === 0) return [];
      const named = ids.map(textOf).join(', ');
      return [`${kind} ${count}${named && ` (${named}${count > ids.length ? ', …' : ''})`}`];
    });
    return [name, `type ${type.type}: ${kinds.join(', ')}`] as const;
  });
}

function tellDone(report: InPlaceReport, undo: string, output: Output): void {
  const { tenantId, epoch, position, restored, records, undoneUnseen, key } = report;
  output.line(`restored ${tenantId} in place`);
  const rows: readonly (readonly [string, string])[] = [
    ['epoch', `${epoch}`],
    ['position', `${position.offset}`],
    ['records', records === null ? 'this key had been used: it was restored then' : `${records}`],
    ['state of', `record ${restored.sequence}, offset ${restored.offset}`],
    ['canonical.db', `digest ${report.digests.canonical}`],
    ['mailbox.db', `digest ${report.digests.mailbox}`],
    ['key', key],
    ['undo', undo],
  ];
  for (const [name, value] of rows) output.line(`  ${name.padEnd(13)}${value}`);
  if (undoneUnseen > 0)
    output.note(`${undoneUnseen} records were written after the preview, and are undone, too`);
}
