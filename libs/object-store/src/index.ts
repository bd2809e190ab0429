export { createDirectoryStore, type DirectoryStoreOptions } from './directory/directory-store.ts';
export {
  createMemoryStore,
  type MemoryStore,
  type MemoryStoreOptions,
  type ObjectFault,
  type ObjectOperation,
} from './memory/memory-store.ts';
export { parseObjectKey, type ObjectKey } from './object-key.ts';
export type {
  ByteRange,
  CallOptions,
  CreateOptions,
  FileBody,
  ListOptions,
  ObjectBody,
  ObjectEntry,
  ObjectFacts,
  ObjectStore,
  ProbeResult,
  ReadOptions,
} from './object-store.ts';
export { type S3Limits, type S3StoreOptions, type S3Timing } from './s3/options.ts';
export { createS3Store } from './s3/s3-store.ts';
