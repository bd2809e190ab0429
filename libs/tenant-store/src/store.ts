import type { EntError } from '@entdb/base';
import type {
  CountUnreadRequest,
  CountUnreadResponse,
  GetNodeByKeyRequest,
  GetNodeByKeyResponse,
  GetNodeRequest,
  GetNodeResponse,
  GetNodesRequest,
  GetNodesResponse,
  GetResultRequest,
  GetResultResponse,
  GetSchemaRequest,
  GetSchemaResponse,
  GetTenantRequest,
  GetTenantResponse,
  ListEdgesRequest,
  ListEdgesResponse,
  ListMailboxRequest,
  ListMailboxResponse,
  ListNeighborsRequest,
  ListNeighborsResponse,
  QueryNodesRequest,
  QueryNodesResponse,
  SearchMailboxRequest,
  SearchMailboxResponse,
  SearchNodesRequest,
  SearchNodesResponse,
  TenantRestored,
  WalRecord,
} from '@entdb/contracts';

/**
 * The tenant store: the only code that turns records into state, and the only code that reads it. Everything is synchronous and meant for
 * worker threads. One process owns a tenant's files; one writer at a time, any number of readers.
 */

/** A decoded record with its place and time in the log. */
export interface PlacedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timeMs: number;
  readonly record: WalRecord;
}

export interface TenantPosition {
  readonly topic: string;
  readonly partition: number;
  /** Of the last record applied; -1 before the first. */
  readonly offset: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly logTimeUs: number;
}

/** What became of one record. `verdict`: judged now. `repeated`: its key has this verdict already, or its position was passed. */
export type ApplyOutcome =
  | { readonly kind: 'verdict' | 'repeated'; readonly offset: number; readonly resultJson: string }
  | { readonly kind: 'refused'; readonly offset: number; readonly error: EntError };

/** `outcomes`: one per record, in order, up to the one that stopped the batch, if any did. Committed, in both files. */
export type ApplyResult = { readonly outcomes: readonly ApplyOutcome[] } & ApplyStop;

/** Why a batch ended before its last record. Nothing of the record that stopped it was written. */
export type ApplyStop =
  | { readonly poison?: undefined; readonly adoption?: undefined }
  | { readonly poison: Poison; readonly adoption?: undefined }
  | { readonly poison?: undefined; readonly adoption: Adoption };

/** The record that cannot be applied: the tenant must stand still. */
export interface Poison {
  readonly offset: number;
  readonly error: EntError;
}

/**
 * A restore in place that is accepted: the tenant goes on with the files of the restored state, made to stand after this record (`adoptRestored`), and with the
 * records after it.
 */
export interface Adoption {
  readonly offset: number;
  readonly placed: PlacedRecord;
  readonly restored: TenantRestored;
}

export interface TenantCheckpoint {
  readonly position: TenantPosition;
  readonly digests: ReturnType<TenantWriter['digests']>;
}

export interface TenantWriter {
  readonly tenantId: string;
  readonly fileId: string;
  /** The lower of the positions of the two files. */
  readonly position: TenantPosition;
  /**
   * Applies records in order: one transaction per file, each record in a savepoint; rows, verdict, position and digest commit together.
   * Records at or below a file's position are skipped for that file. Deterministic: time is the record's. Throws STORE_UNAVAILABLE (disk
   * full, I/O error; nothing of the call is committed in the failing file: try again) or STORE_CORRUPT.
   */
  apply(records: readonly PlacedRecord[]): ApplyResult;
  digests(): { readonly canonical: string; readonly mailbox: string };
  /** Position and digests of one committed state, the one after a record that both files have; undefined while one file is ahead of the other. */
  checkpoint(): TenantCheckpoint | undefined;
  /** Makes all that was applied survive a power loss. Returns the offset for which that now holds. */
  sync(): number;
  /** Sums all rows again, makes every derived table anew in memory terms, and compares. Throws STORE_CORRUPT naming the first difference. */
  scrub(): void;
  close(): void;
}

/**
 * Each read runs in one read transaction of its file, verifies the checksum of each row it uses (STORE_CORRUPT otherwise, never a wrong
 * answer), is bounded, and says the position of the state that it saw. `scope` in the requests is the caller's business.
 */
export interface TenantReader {
  readonly tenantId: string;
  position(file: 'canonical' | 'mailbox'): TenantPosition;
  getNode(request: GetNodeRequest): GetNodeResponse;
  getNodes(request: GetNodesRequest): GetNodesResponse;
  getNodeByKey(request: GetNodeByKeyRequest): GetNodeByKeyResponse;
  queryNodes(request: QueryNodesRequest): QueryNodesResponse;
  listEdges(request: ListEdgesRequest): ListEdgesResponse;
  listNeighbors(request: ListNeighborsRequest): ListNeighborsResponse;
  searchNodes(request: SearchNodesRequest): SearchNodesResponse;
  listMailbox(request: ListMailboxRequest): ListMailboxResponse;
  searchMailbox(request: SearchMailboxRequest): SearchMailboxResponse;
  countUnread(request: CountUnreadRequest): CountUnreadResponse;
  getResult(request: GetResultRequest): GetResultResponse;
  getSchema(request: GetSchemaRequest): GetSchemaResponse;
  getTenant(request: GetTenantRequest): GetTenantResponse;
  close(): void;
}
