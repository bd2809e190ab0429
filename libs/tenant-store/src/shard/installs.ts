import { existsSync } from 'node:fs';
import { EntError, invariant } from '@entdb/base';
import { storedVerdict, tenantFacts, type TenantFacts } from '../transfer/facts.ts';
import { repeatOf } from '../write/verdict-table.ts';
import { decodeAll } from './records.ts';
import type { Roster } from './roster.ts';
import type { Installation } from './shard-api.ts';
import { behindFrom } from './known-tenant.ts';
import type { TenantFiles } from './tenant-files.ts';
import { replaceFolder, tenantDir } from './tenant-folder.ts';
import { verdictOn, type PublishedVerdict } from './verdicts.ts';

/** Files that were made elsewhere, for tenants that the log alone does not help. */
export interface Installs {
  install(installation: Installation): Installed;
  passOver(tenantId: string, fromOffset: number): void;
}

export interface Installed {
  readonly touched: { tenantId: string; offset: number }[];
  readonly verdicts: PublishedVerdict[];
}

export interface InstallsOptions {
  readonly dir: string;
  readonly topic: string;
  readonly roster: Roster;
  readonly files: Pick<TenantFiles, 'abandon'>;
  /** Of a partition. */
  readonly nextOffset: (partition: number) => number;
  /** These have met their partition's progress. */
  readonly activate: (tenantIds: readonly string[]) => void;
}

export function createInstalls(options: InstallsOptions): Installs {
  const { dir, topic, roster, files, nextOffset, activate } = options;

  /** Installations that the disk has stopped half-way, by their prepared folders, with the verdicts that are still to be told. */
  const unfinished = new Map<string, PublishedVerdict[]>();

  const goOnFrom = (tenantId: string, fromOffset: number, syncedOffset: number): void =>
    roster.change([{ tenantId, state: behindFrom(fromOffset), syncedOffset }]);

  const activateIfArrived = (tenantId: string): void => {
    const { state, partition } = roster.get(tenantId);
    if (state.kind === 'behind' && state.fromOffset >= nextOffset(partition)) activate([tenantId]);
  };

  const assertInstallable = ({ tenantId, position }: TenantFacts): void => {
    const { partition, syncedOffset, state } = roster.get(tenantId);
    invariant(state.kind !== 'active', `tenant ${tenantId} follows the log`);
    const adopts = state.kind === 'behind' && state.needs.kind === 'adoption';
    const least = adopts ? state.fromOffset : syncedOffset;
    if (position.topic === topic && position.partition === partition && position.offset >= least)
      return;
    throw new EntError(
      'INVALID_POSITION',
      `prepared files stand at ${position.topic}/${position.partition}/${position.offset}; the tenant needs them at ${topic}/${partition}/${least} or later`,
      { tenantId, position },
    );
  };

  /** The restore's own verdict: the log is not read at that record again. */
  const adoptedVerdict = (tenantId: string, prepared: string): PublishedVerdict[] => {
    const { state, partition } = roster.get(tenantId);
    if (state.kind !== 'behind' || state.needs.kind !== 'adoption') return [];
    return decodeAll(topic, partition, [state.needs.record]).records.flatMap((placed) => {
      const row = storedVerdict(prepared, tenantId, placed.record.idempotencyKey);
      return row ? verdictOn(placed, repeatOf(placed, row)) : [];
    });
  };

  return {
    install({ tenantId, prepared, fromOffset }) {
      const isInPlace = unfinished.has(prepared) && !existsSync(prepared);
      const facts = tenantFacts(isInPlace ? tenantDir(dir, tenantId) : prepared, tenantId);
      assertInstallable(facts);
      const { offset } = facts.position;
      const verdicts = unfinished.get(prepared) ?? adoptedVerdict(tenantId, prepared);
      unfinished.set(prepared, verdicts);
      files.abandon(tenantId);
      // Said before it is so: whatever files a crash leaves here, they are less than that, and the tenant is rebuilt.
      goOnFrom(tenantId, Math.max(offset + 1, fromOffset ?? 0), offset);
      replaceFolder(dir, tenantId, prepared);
      activateIfArrived(tenantId);
      unfinished.delete(prepared);
      return { touched: [{ tenantId, offset }], verdicts };
    },
    passOver(tenantId, fromOffset) {
      const { state, syncedOffset } = roster.get(tenantId);
      invariant(
        state.kind === 'behind' && state.needs.kind === 'records',
        `tenant ${tenantId} needs records`,
      );
      if (fromOffset > state.fromOffset) goOnFrom(tenantId, fromOffset, syncedOffset);
      activateIfArrived(tenantId);
    },
  };
}
