import { EntError, isEntError } from '@entdb/base';
import type { DigestLedger } from '@entdb/fleet';
import type { PublishedDigests } from '@entdb/snapshot';

/** What appliers said, as the snapshotter asks for it. */
export type Published = Pick<DigestLedger, 'of' | 'contradictions'>;

/** Where nobody has said anything. */
export const nothingPublished: Published = { of: () => new Map(), contradictions: () => [] };

/** Digests of one record that ought to be the same and are not. Kept until the way has led past the record again and it was confirmed. */
export interface Doubt {
  /** Who disagrees with the archive, or with each other. */
  readonly source: 'appliers' | 'snapshot';
  readonly sequence: number;
  readonly offset: number;
  /** What the archive leads to; undefined where the appliers contradict each other, and nothing was made. */
  readonly own?: Digests;
  readonly said: readonly (Digests & { readonly by: string })[];
}

interface Digests {
  readonly canonical: string;
  readonly mailbox: string;
}

/** Nothing is made while the appliers say different things of one record: one of them is wrong, and which is not for a machine to guess. */
export function contradictionIn(tenantId: string, published: Published): Doubt | undefined {
  const [first] = published.contradictions(tenantId);
  if (!first) return undefined;
  const { sequence, said } = first;
  const [{ offset } = { offset: -1 }] = said;
  return {
    source: 'appliers',
    sequence,
    offset,
    said: said.map(({ instance, canonical, mailbox }) => ({ by: instance, canonical, mailbox })),
  };
}

/** What a failed making found out, if it was this. */
export function doubtIn(
  error: unknown,
  published: ReadonlyMap<number, PublishedDigests>,
): Doubt | undefined {
  if (!isEntError(error, 'SNAPSHOT_DIGEST_MISMATCH')) return undefined;
  const { metadata } = error.facts;
  if (!metadata) return undefined;
  const { canonical = '', mailbox = '', expected_canonical = '', expected_mailbox = '' } = metadata;
  const sequence = Number(metadata['sequence']);
  const instances = published.get(sequence)?.instances;
  return {
    source: instances ? 'appliers' : 'snapshot',
    sequence,
    offset: Number(metadata['offset']),
    own: { canonical, mailbox },
    said: (instances ?? ['an earlier snapshot']).map((by) => ({
      by,
      canonical: expected_canonical,
      mailbox: expected_mailbox,
    })),
  };
}

/** What is to be compared while there is a doubt: what was said then stands, whatever is said now of that record. */
export function withDoubt(
  published: ReadonlyMap<number, PublishedDigests>,
  { source, sequence, said }: Doubt,
): ReadonlyMap<number, PublishedDigests> {
  const [first] = said;
  if (!first || source === 'snapshot') return published; // snapshots are compared in any case
  const { canonical, mailbox } = first;
  const instances = said.map(({ by }) => by);
  return new Map([...published, [sequence, { canonical, mailbox, instances }]]);
}

/** The doubt as an error, with both digests, the place, and who has which. */
export function doubtError(tenantId: string, doubt: Doubt, cause?: unknown): EntError {
  const { sequence, offset, own, said } = doubt;
  const all = [...(own ? [{ by: 'the archive', ...own }] : []), ...said];
  const words = all.map(
    ({ by, canonical, mailbox }) => `${by} has ${canonical} and ${mailbox || 'any'}`,
  );
  return new EntError(
    'SNAPSHOT_DIGEST_MISMATCH',
    `the digests after record ${sequence} at offset ${offset}: ${words.join('; ')}`,
    {
      tenantId,
      cause,
      hint: 'one of them is damaged: run entdb verify --level restore, rebuild the one that is wrong, and start the snapshotter anew',
    },
  );
}
