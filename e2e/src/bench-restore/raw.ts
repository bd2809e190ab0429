import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import type { SegmentChecksum } from '@entdb/archive-format';
import type { ObjectStore } from '@entdb/object-store';
import { openTenantWriter, type PlacedRecord } from '@entdb/tenant-store';

/** The raw limits: the least that anybody must do for it, by the plainest code that does it. */

const unpack = promisify<Buffer | Uint8Array, Buffer>(gunzip);
const pack = promisify<Buffer, { level: number }, Buffer>(gzip);

/** Every byte of the objects into files, which survive a power loss. Nothing is looked at. */
export async function downloadAndWrite(
  store: ObjectStore,
  keys: readonly string[],
  dir: string,
): Promise<void> {
  mkdirSync(dir, { recursive: true });
  for (const [index, key] of keys.entries()) {
    const file = await open(join(dir, `${index}`), 'w');
    try {
      for await (const chunk of store.readStream(key)) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
  }
}

/** Every byte of the objects, hashed. */
export async function readAndHash(store: ObjectStore, keys: readonly string[]): Promise<void> {
  for (const key of keys) {
    const hash = createHash('sha256');
    for await (const chunk of store.readStream(key)) hash.update(chunk);
    hash.digest();
  }
}

export async function unpackAll(stored: readonly Uint8Array[]): Promise<void> {
  for (const bytes of stored) await unpack(bytes);
}

export function parseAll(segments: readonly (readonly string[])[]): void {
  for (const lines of segments) for (const line of lines) JSON.parse(line);
}

const recordsPerCommit = 2000;

/** Records that are decoded already, into a new tenant's files. */
export function applyAll(tenantId: string, records: readonly PlacedRecord[], dir: string): void {
  const writer = openTenantWriter({ dir, tenantId, create: true });
  try {
    for (let from = 0; from < records.length; from += recordsPerCommit) {
      const { poison } = writer.apply(records.slice(from, from + recordsPerCommit));
      if (poison) throw poison.error;
    }
  } finally {
    writer.close();
  }
}

/** Packs lines as they stand in segments, and stores them durably. */
export async function packAndPut(
  store: ObjectStore,
  prefix: string,
  texts: readonly Buffer[],
): Promise<void> {
  for (const [index, text] of texts.entries())
    await store.create(`${prefix}/${index}`, await pack(text, { level: 6 }));
}

export async function textsOf(
  store: ObjectStore,
  segments: readonly SegmentChecksum[],
): Promise<readonly Buffer[]> {
  const texts: Buffer[] = [];
  for (const { segment } of segments) texts.push(await unpack(await store.read(segment)));
  return texts;
}
