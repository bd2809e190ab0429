export { MultisetHash } from './multiset-hash.ts';
export { openTenantWriter, type TenantWriterOptions } from './write/writer.ts';
export { openTenantReader, type OpenReaderOptions } from './read/reader.ts';
export type {
  Adoption,
  ApplyOutcome,
  ApplyResult,
  ApplyStop,
  PlacedRecord,
  TenantCheckpoint,
  Poison,
  TenantPosition,
  TenantReader,
  TenantWriter,
} from './store.ts';
export { createHandleCache, type HandleCache } from './shard/handle-cache.ts';
export { packBatch, transferOf, unpackBatch, type PackedBatch } from './shard/packed-batch.ts';
export type { BehindState, KnownTenant, TenantFileState } from './shard/known-tenant.ts';
export { behindFrom } from './shard/known-tenant.ts';
export type { TenantStateChange } from './shard/roster.ts';
export type { PlacedBytes } from './shard/records.ts';
export { openShard, type ShardOptions } from './shard/shard.ts';
export type {
  CatchUp,
  ExpectedTenant,
  Installation,
  Shard,
  ShardNews,
  ShardProgress,
  ShardSync,
} from './shard/shard-api.ts';
export { tenantDir } from './shard/tenant-folder.ts';
export type { PublishedVerdict } from './shard/verdicts.ts';
export { adoptRestored, type AdoptOptions } from './transfer/adopt.ts';
export type { KindChanges, TypeChanges } from './transfer/changes.ts';
export {
  diffTenants,
  type DiffOptions,
  type EdgeKey,
  type ItemKey,
  type TenantDiff,
} from './transfer/diff.ts';
export { exportTenant, tenantFileNames } from './transfer/export.ts';
export { keptDigest, keptDigests, tenantFacts, type TenantFacts } from './transfer/facts.ts';
export { holdFile, type Hold } from './transfer/hold.ts';
