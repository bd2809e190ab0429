export { MultisetHash } from './multiset-hash.ts';
export type { ApplyOutcome, ApplyResult, PlacedRecord, TenantPosition, TenantReader, TenantWriter } from './store.ts';
