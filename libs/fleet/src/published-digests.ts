import { isEntError } from '@entdb/base';
import { decodeStatusRecord, positionFromWire } from '@entdb/contracts';
import { statusTopic, type LogRecord, type Wal } from '@entdb/wal';

/** The kept digests of a tenant's files after one record, hexadecimal. */
export interface PublishedDigests {
  readonly canonical: string;
  readonly mailbox: string;
  /** Who said so. */
  readonly instances: readonly string[];
}

/** Two appliers that say different things of one record: at most one of them is right. */
export interface DigestContradiction {
  readonly tenantId: string;
  readonly sequence: number;
  readonly said: readonly {
    readonly instance: string;
    readonly offset: number;
    readonly canonical: string;
    readonly mailbox: string;
  }[];
}

/** What appliers said of their files at checkpoints: to be compared with what others make of the same records. */
export interface DigestLedger {
  /** Takes a record of entdb-status. What is no checkpoint, or cannot be read, is passed over: it is no evidence. */
  hear(record: Pick<LogRecord, 'key' | 'value'>): void;
  /** By sequence, ascending in the order of the log. Where appliers contradict each other, there is none. */
  of(tenantId: string): ReadonlyMap<number, PublishedDigests>;
  contradictions(tenantId: string): readonly DigestContradiction[];
}

export interface DigestLedgerOptions {
  /** Others are not remembered. Default: all. */
  readonly tenants?: ReadonlySet<string>;
  /** The newest so many of each tenant are remembered. */
  readonly perTenantMax?: number;
  /** Those of so many tenants that were spoken of last. Default: all. */
  readonly tenantsMax?: number;
}

/** Voices on one record: enough to see who agrees, however often instances change their names. */
const voicesMax = 16;

type Said = DigestContradiction['said'];

export function createDigestLedger({
  tenants,
  perTenantMax = 256,
  tenantsMax = Infinity,
}: DigestLedgerOptions = {}): DigestLedger {
  /** By tenant, the one that was spoken of last at the end; what was said of each record. */
  const heard = new Map<string, Map<number, Said>>();

  const take = (tenantId: string, sequence: number, says: Said[number]): void => {
    const known = heard.get(tenantId) ?? new Map<number, Said>();
    heard.delete(tenantId);
    heard.set(tenantId, known);
    // The last word of an instance on a record counts: it may have been rebuilt.
    const before = known.get(sequence) ?? [];
    const others = before.filter(({ instance }) => instance !== says.instance);
    if (before.some((own) => own.instance === says.instance && isSame(own, says))) return;
    const agrees = others.some((other) => isSame(other, says));
    // A voice that does not agree is taken where the others are many, but not without end.
    if (others.length >= (agrees ? voicesMax : 2 * voicesMax)) return;
    known.set(sequence, [...others, says]);
    dropFirst(known, perTenantMax);
    dropFirst(heard, tenantsMax);
  };

  return {
    hear({ key, value }) {
      for (const { tenantId, sequence, ...says } of checkpointsIn(key, value))
        if (!tenants || tenants.has(tenantId)) take(tenantId, sequence, says);
    },
    of: (tenantId) => new Map([...(heard.get(tenantId) ?? [])].flatMap(agreed)),
    contradictions: (tenantId) =>
      [...(heard.get(tenantId) ?? [])]
        .filter(([, said]) => !isUnanimous(said))
        .map(([sequence, said]) => ({ tenantId, sequence, said })),
  };
}

function agreed([sequence, said]: readonly [number, Said]): [number, PublishedDigests][] {
  const [first] = said;
  if (!first || !isUnanimous(said)) return [];
  const { canonical, mailbox } = first;
  return [[sequence, { canonical, mailbox, instances: said.map(({ instance }) => instance) }]];
}

function dropFirst(map: Map<unknown, unknown>, max: number): void {
  const [first] = map.keys();
  if (map.size > max) map.delete(first);
}

export interface ReadDigestsOptions {
  /** What was said before is not read. Default: all that the topic has. */
  readonly sinceMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads what entdb-status holds now, from its beginning to its end, and gives what appliers published of these tenants (default: of all). The topic keeps a day;
 * what it drops while it is read is not missed. Rejects as `consume` does, and with the signal's reason.
 */
export async function readPublishedDigests(
  wal: Pick<Wal, 'bounds' | 'consume' | 'offsetForTime'>,
  tenants?: ReadonlySet<string>,
  { sinceMs, signal }: ReadDigestsOptions = {},
): Promise<DigestLedger> {
  const ledger = createDigestLedger(tenants && { tenants });
  const { endOffset } = await wal.bounds(statusTopic, 0);
  const since = sinceMs === undefined ? 0 : await wal.offsetForTime(statusTopic, 0, sinceMs);
  for (;;) {
    signal?.throwIfAborted();
    const bounds = await wal.bounds(statusTopic, 0);
    const startOffset = Math.max(bounds.startOffset, since);
    if (startOffset >= endOffset) return ledger;
    const done = new AbortController();
    try {
      await wal.consume({
        topic: statusTopic,
        from: new Map([[0, startOffset]]),
        signal: signal ? AbortSignal.any([signal, done.signal]) : done.signal,
        onBatch: async ({ records }) => {
          for (const record of records) if (record.offset < endOffset) ledger.hear(record);
          if ((records.at(-1)?.offset ?? -1) + 1 >= endOffset) done.abort();
        },
      });
    } catch (error) {
      // Dropped by age between the two calls: the rest is still to be had.
      if (isEntError(error, 'LOG_START_PASSED')) continue;
      throw error;
    }
    signal?.throwIfAborted();
    return ledger;
  }
}

type Checkpoint = Said[number] & { readonly tenantId: string; readonly sequence: number };

function checkpointsIn(instance: string, value: Uint8Array): readonly Checkpoint[] {
  try {
    const { status } = decodeStatusRecord(instance, value);
    if (status.case !== 'checkpoint') return [];
    return status.value.digests.flatMap(
      ({ tenantId, position, sequence, canonicalDigest, mailboxDigest }) =>
        position
          ? [
              {
                tenantId,
                sequence: Number(sequence),
                instance,
                offset: positionFromWire(position).offset,
                canonical: canonicalDigest,
                mailbox: mailboxDigest,
              },
            ]
          : [],
    );
  } catch (error) {
    if (isEntError(error)) return []; // of another version, or damaged: it says nothing of any file
    throw error;
  }
}

const isSame = (a: Said[number], b: Said[number]): boolean =>
  a.offset === b.offset && a.canonical === b.canonical && a.mailbox === b.mailbox;

const isUnanimous = ([first, ...others]: Said): boolean =>
  others.every((other) => first !== undefined && isSame(first, other));
