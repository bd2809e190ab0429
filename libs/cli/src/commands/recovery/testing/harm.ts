import { hash } from 'node:crypto';
import { checksumNameOf, manifestName, snapshotFileName } from '@entdb/archive-format';
import { listArchivedTenants } from '@entdb/snapshot';
import type { ObjectStore } from '@entdb/object-store';
import { archiveIn, type Archive } from './archive.ts';

/** Twelve records in three segments, and a snapshot after the first two of them: record 4 and record 8. */
export interface Patient {
  readonly store: ObjectStore;
  readonly archive: Archive;
  readonly tenantId: string;
  readonly older: string;
  readonly newer: string;
  /** Another tenant of the same shape. */
  readonly stranger: Patient | undefined;
}

export async function patientIn(
  store: ObjectStore,
  tenantId: string,
  stranger?: Patient,
): Promise<Patient> {
  const archive = archiveIn(store, tenantId, Date.UTC(2026, 0, 15, 12));
  await archive.grow(4);
  const older = await archive.snapshot();
  await archive.grow(4);
  const newer = await archive.snapshot();
  await archive.grow(4);
  if (!(await listArchivedTenants(store)).includes(tenantId)) throw new Error('nothing was made');
  return { store, archive, tenantId, older, newer, stranger };
}

export const segmentOf = ({ archive }: Patient, i: 0 | 1 | 2): string =>
  archive.segments[i]!.segment;
export const checksumOf = (patient: Patient, i: 0 | 1 | 2): string =>
  checksumNameOf(segmentOf(patient, i));
export const manifestOf = ({ tenantId }: Patient, id: string): string => manifestName(tenantId, id);
export const fileOf = (
  { tenantId }: Patient,
  id: string,
  name: 'canonical.db' | 'mailbox.db',
): string => snapshotFileName(tenantId, id, name);

/** Puts other bytes in the place of an object's: no store of ours does that, so it is removed and made anew. */
export async function change(
  store: ObjectStore,
  object: string,
  to: (bytes: Buffer) => Uint8Array,
): Promise<void> {
  const bytes = Buffer.from(await store.read(object));
  await store.remove([object]);
  await store.create(object, to(bytes));
}

export const flipped = (bytes: Buffer): Uint8Array => {
  const at = bytes.length >> 1;
  bytes[at] = bytes[at]! ^ 1;
  return bytes;
};
export const truncated = (bytes: Buffer): Uint8Array => bytes.subarray(0, bytes.length - 7);
/** As a later version would write it, if it had another format: its own check holds. */
export const newerFormat = (bytes: Buffer): Uint8Array => {
  const { check, ...fields } = JSON.parse(bytes.toString()) as Record<string, unknown>;
  if (typeof check !== 'string') throw new Error('a sealed document has a check');
  const later = { ...fields, format: 99 };
  const sealed = { ...later, check: hash('sha256', JSON.stringify(later)) };
  return Buffer.from(`${JSON.stringify(sealed, undefined, 2)}\n`);
};
