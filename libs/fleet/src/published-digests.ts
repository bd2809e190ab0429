import { isEntError } from '@entdb/base';
import { decodeStatusRecord, positionFromWire } from '@entdb/contracts';
import { statusTopic, type LogRecord, type Wal } from '@entdb/wal';

/** The kept digests of a tenant's files after one record, hexadecimal. */
export interface PublishedDigests {
  readonly canonical: string;
  readonly mailbox: string;
}

/** Two appliers that say different things of one record: at most one of them is right. */
export interface DigestContradiction {
  readonly tenantId: string;
  readonly sequence: number;
  readonly said: readonly (PublishedDigests & {
    readonly instance: string;
    readonly offset: number;
  })[];
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
}

type Said = DigestContradiction['said'];

export function createDigestLedger({
  tenants,
  perTenantMax = 256,
}: DigestLedgerOptions = {}): DigestLedger {
  const agreed = new Map<string, Map<number, Said>>();
  const opposed = new Map<string, Map<number, Said>>();

  const remember = (ledger: typeof agreed, tenantId: string, sequence: number, said: Said) => {
    const known = ledger.get(tenantId) ?? new Map<number, Said>();
    ledger.set(tenantId, known.set(sequence, said));
    const [oldest] = known.keys();
    if (known.size > perTenantMax && oldest !== undefined) known.delete(oldest);
  };

  return {
    hear({ key, value }) {
      for (const { tenantId, sequence, ...says } of checkpointsIn(key, value)) {
        if (tenants && !tenants.has(tenantId)) continue;
        const against = opposed.get(tenantId)?.get(sequence);
        const before = against ?? agreed.get(tenantId)?.get(sequence);
        if (before?.some((other) => isSame(other, says))) continue;
        const said = [...(before ?? []), says];
        if (before) agreed.get(tenantId)?.delete(sequence);
        remember(before ? opposed : agreed, tenantId, sequence, said);
      }
    },
    of: (tenantId) =>
      new Map(
        [...(agreed.get(tenantId) ?? [])].flatMap(([sequence, [first]]) =>
          first
            ? [[sequence, { canonical: first.canonical, mailbox: first.mailbox }] as const]
            : [],
        ),
      ),
    contradictions: (tenantId) =>
      [...(opposed.get(tenantId) ?? [])].map(([sequence, said]) => ({ tenantId, sequence, said })),
  };
}

/**
 * Reads what entdb-status holds now, from its beginning to its end, and gives what appliers published of these tenants (default: of all). The topic keeps a day;
 * what it drops while it is read is not missed. Rejects as `consume` does, and with the signal's reason.
 */
export async function readPublishedDigests(
  wal: Pick<Wal, 'bounds' | 'consume'>,
  tenants?: ReadonlySet<string>,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<DigestLedger> {
  const ledger = createDigestLedger(tenants && { tenants });
  const { endOffset } = await wal.bounds(statusTopic, 0);
  for (;;) {
    signal?.throwIfAborted();
    const { startOffset } = await wal.bounds(statusTopic, 0);
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

interface Checkpoint extends PublishedDigests {
  readonly tenantId: string;
  readonly sequence: number;
  readonly instance: string;
  readonly offset: number;
}

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
