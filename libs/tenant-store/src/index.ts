export { MultisetHash } from './multiset-hash.ts';
export { openTenantWriter, type TenantWriterOptions } from './write/writer.ts';
export { openTenantReader, type OpenReaderOptions } from './read/reader.ts';
export type { ApplyOutcome, ApplyResult, PlacedRecord, TenantPosition, TenantReader, TenantWriter } from './store.ts';
export { createHandleCache, type HandleCache } from './shard/handle-cache.ts';
export { packBatch, transferOf, unpackBatch, type PackedBatch } from './shard/packed-batch.ts';
export type { KnownTenant, TenantFileState } from './shard/shard-file.ts';
export {
  openShard,
  tenantDir,
  type PlacedBytes,
  type PublishedVerdict,
  type Shard,
  type ShardOptions,
  type ShardProgress,
  type TenantStateChange,
} from './shard/shard.ts';
