/**
 * Errors are part of the interface: a closed set of codes, each with a page in docs/errors, a gRPC status, and a sentence.
 * A caller branches on `code`; a person reads `message` (what failed, where) and `hint` (what to try).
 */

/** The gRPC status names that our codes map to. */
export type StatusName =
  | 'invalid_argument'
  | 'not_found'
  | 'already_exists'
  | 'failed_precondition'
  | 'aborted'
  | 'resource_exhausted'
  | 'unavailable'
  | 'deadline_exceeded'
  | 'canceled'
  | 'data_loss'
  | 'out_of_range'
  | 'unimplemented'
  | 'internal';

interface CodeInfo {
  readonly status: StatusName;
  /** Whether the same request may succeed later without being changed. */
  readonly retriable: boolean;
  readonly meaning: string;
}

const invalid = (meaning: string): CodeInfo => ({
  status: 'invalid_argument',
  retriable: false,
  meaning,
});
const conflict = (meaning: string): CodeInfo => ({
  status: 'failed_precondition',
  retriable: false,
  meaning,
});
const broken = (meaning: string): CodeInfo => ({ status: 'data_loss', retriable: false, meaning });
const later = (meaning: string): CodeInfo => ({ status: 'unavailable', retriable: true, meaning });

/** Every code there is. A test holds this table and docs/errors together. */
export const errorCodes = {
  // Bad requests, refused before anything is written.
  INVALID_ARGUMENT: invalid('A part of the request is malformed.'),
  INVALID_TENANT_ID: invalid('The tenant id does not match [A-Za-z0-9_-]{1,128}.'),
  INVALID_IDEMPOTENCY_KEY: invalid(
    'The idempotency key is empty, too long or not well-formed text.',
  ),
  EMPTY_TRANSACTION: invalid('The transaction has no operation.'),
  INVALID_OPERATION: invalid('An operation is malformed.'),
  INVALID_VALUE: invalid(
    'A value is not of its kind: NaN, malformed JSON, ill-formed text, mixed list, number out of range.',
  ),
  INVALID_ID: invalid('A node id is malformed.'),
  DUPLICATE_ALIAS: invalid('Two operations of the transaction define the same alias.'),
  UNKNOWN_ALIAS: invalid('An operation uses an alias that no earlier operation defines.'),
  UNKNOWN_TYPE: invalid('The schema has no such type.'),
  UNKNOWN_FIELD: invalid('The type has no such field.'),
  WRONG_KIND: invalid('A value is of another kind than its field.'),
  REQUIRED_FIELD: invalid('A required field is missing.'),
  UNKNOWN_ENUM_VALUE: invalid('The enum has no such value.'),
  INVALID_SCHEMA: invalid('The schema definition contradicts itself or its fingerprint.'),
  INVALID_FILTER: invalid('The filter is malformed or does not suit its field.'),
  INVALID_PAGE_TOKEN: invalid('The page token is damaged or belongs to another query.'),
  INVALID_SEARCH: invalid('The search text has no word in it.'),
  INVALID_POSITION: invalid('The position is of another topic or partition than the tenant.'),
  INVALID_DEADLINE: invalid('The deadline is not a finite, positive time within the limit.'),
  RECORD_TOO_LARGE: invalid('The transaction is larger than a record may be.'),
  INVALID_TARGET: invalid('The target of a restore is malformed, or contradicts where to begin.'),
  INVALID_OBJECT_KEY: invalid('The name of an object is not a plain relative path.'),
  TOO_MANY_OPERATIONS: invalid('The transaction has more operations than a record may have.'),
  INVALID_SETTING: invalid('A setting of the process is missing or not valid.'),
  SCHEMA_NEEDED: {
    status: 'failed_precondition',
    retriable: true,
    meaning:
      'The gateway does not know this schema fingerprint: send the definitions with the request.',
  },

  // Verdicts: judged against the state, stored with the key.
  ALREADY_EXISTS: {
    status: 'already_exists',
    retriable: false,
    meaning: 'There is a node or an edge with this id already.',
  },
  UNIQUE_VIOLATION: {
    status: 'already_exists',
    retriable: false,
    meaning: 'Another node has the same value of a unique field.',
  },
  NOT_FOUND: {
    status: 'not_found',
    retriable: false,
    meaning: 'There is no such node, edge or schema.',
  },
  PRECONDITION_FAILED: conflict('A precondition of the transaction does not hold.'),
  REFERENCE_NOT_FOUND: conflict(
    'A ref or an edge points at a node that is not there or is of the wrong type.',
  ),
  TYPE_MISMATCH: conflict(
    'The stored node is of another type, or the tenant knows the field by another kind.',
  ),
  TOO_MANY_MATCHES: conflict('A delete-where matches more nodes than it may.'),
  SCHEMA_INCOMPATIBLE: conflict('The schema contradicts what the tenant already has.'),
  TENANT_NOT_FOUND: {
    status: 'not_found',
    retriable: false,
    meaning: 'There is no such tenant, and the transaction may not make it.',
  },
  TENANT_EXISTS: {
    status: 'already_exists',
    retriable: false,
    meaning: 'The tenant is there already.',
  },
  TENANT_DELETED: conflict('The tenant was deleted.'),
  TENANT_ERASED: conflict(
    'The tenant was erased after the target: nothing from before an erasure comes back.',
  ),
  IDEMPOTENCY_KEY_REUSED: {
    status: 'already_exists',
    retriable: false,
    meaning: 'The idempotency key was used by another request.',
  },

  // Not now, or not here.
  OUTCOME_UNKNOWN: later(
    'The log did not answer: the transaction may or may not be in it. Retry with the same key.',
  ),
  LOG_UNAVAILABLE: later('The log cannot be reached.'),
  NOT_CAUGHT_UP: later('The server does not yet know the state that it needs to answer.'),
  UNREACHABLE: later(
    'No server answered at the address: the connection failed before or during the call.',
  ),
  SHUTTING_DOWN: later('The server is stopping.'),
  TENANT_QUARANTINED: later(
    'A record of this tenant could not be applied or its files are damaged; nothing is lost, and it stands still.',
  ),
  STORE_UNAVAILABLE: later('The disk refuses: I/O error, or it is full.'),
  WRONG_OWNER: later('Another applier owns this tenant; the error names it.'),
  POSITION_NOT_REACHED: {
    status: 'deadline_exceeded',
    retriable: true,
    meaning: 'The position that the read asked for was not reached within its deadline.',
  },
  DEADLINE_EXCEEDED: {
    status: 'deadline_exceeded',
    retriable: true,
    meaning: 'The deadline passed.',
  },
  CANCELED: { status: 'canceled', retriable: false, meaning: 'The caller went away.' },
  RESOURCE_EXHAUSTED: {
    status: 'resource_exhausted',
    retriable: true,
    meaning: 'A limit on bytes or calls in flight is reached.',
  },
  POSITION_EXPIRED: {
    status: 'out_of_range',
    retriable: false,
    meaning: 'The log no longer holds this position.',
  },
  STALE_EPOCH: {
    status: 'out_of_range',
    retriable: false,
    meaning: 'The position is of an earlier epoch of the tenant.',
  },
  UNIMPLEMENTED: {
    status: 'unimplemented',
    retriable: false,
    meaning: 'This server does not offer the call.',
  },

  // Trouble with the log, the topics and the files: for the person on call.
  TOPIC_MISSING: {
    status: 'failed_precondition',
    retriable: false,
    meaning: 'A topic is not there.',
  },
  TOPIC_UNSAFE: {
    status: 'failed_precondition',
    retriable: false,
    meaning: 'A topic has a setting that can lose acknowledged writes.',
  },
  TOPIC_MISMATCH: {
    status: 'failed_precondition',
    retriable: false,
    meaning: 'A topic has another number of partitions than it was made with.',
  },
  LANE_POISONED: later('A lane failed and takes no more records; a new one must be opened.'),
  LOG_GAP: broken('The log does not go on at the offset that must come next.'),
  LOG_TRUNCATED: broken('The log ends before what was already applied.'),
  LOG_START_PASSED: broken('The log no longer holds the offset that must come next.'),
  RECORD_CORRUPT: broken('A record does not match its checksum or cannot be decoded.'),
  UNKNOWN_FORMAT: broken('A record or file is of a format that this version does not know.'),
  SEGMENT_CORRUPT: broken('A segment of the archive, or its checksum object, is damaged.'),
  SNAPSHOT_CORRUPT: broken('A file of a snapshot, or its manifest, is damaged.'),
  STORE_CORRUPT: broken('A tenant file is damaged.'),
  STORE_MISSING: broken('The file of a known tenant is missing and must be rebuilt.'),
  OBJECT_NOT_FOUND: {
    status: 'not_found',
    retriable: false,
    meaning: 'The object store has no such object.',
  },
  NOTHING_ARCHIVED: {
    status: 'not_found',
    retriable: false,
    meaning: 'The object store holds nothing of the tenant.',
  },
  SNAPSHOT_NOT_FOUND: {
    status: 'not_found',
    retriable: false,
    meaning: 'The tenant has no complete snapshot of this id.',
  },
  TARGET_NOT_FOUND: {
    status: 'not_found',
    retriable: false,
    meaning: 'No record is what the restore was asked to reach.',
  },
  TARGET_BEFORE_FIRST: {
    status: 'out_of_range',
    retriable: false,
    meaning: 'The target of the restore lies before everything that can be restored.',
  },
  TARGET_IN_FUTURE: {
    status: 'out_of_range',
    retriable: false,
    meaning: 'The target of the restore has not come yet.',
  },
  TARGET_BEYOND_ARCHIVE: {
    status: 'out_of_range',
    retriable: true,
    meaning: 'The archive ends before the target of the restore, and the log is not at hand.',
  },
  TARGET_IN_GAP: broken('The target of the restore lies where records are missing in the archive.'),
  OUTPUT_NOT_EMPTY: conflict('The folder to restore into is not empty.'),
  OUTPUT_IN_USE: conflict('A running process owns the folder to restore into.'),
  OBJECT_STORE_UNAVAILABLE: later('The object store cannot be reached, or failed for now.'),
  OBJECT_STORE_DENIED: conflict(
    'The object store refuses: credentials, permissions, or no such bucket or folder.',
  ),
  OBJECT_STORE_UNSAFE: conflict(
    'The object store does not keep what the archive relies on, such as not to overwrite.',
  ),
  OBJECT_CORRUPT: broken('An object does not have the bytes that it should have.'),
  ARCHIVE_GAP: broken(
    'Records are missing between what the archive holds and what the log still holds.',
  ),
  ARCHIVE_CONFLICT: broken('The archive holds other records than the log, at the same place.'),
  ARCHIVE_BROKEN: broken(
    'The chain of segments has a hole, an overlap or a foreign link on the way to the target.',
  ),
  SNAPSHOT_DIGEST_MISMATCH: broken(
    'A snapshot does not hold the content that another materialisation had at its position.',
  ),
  RESTORE_DIGEST_MISMATCH: broken(
    'What was restored does not have the content that it must have at its position.',
  ),
  PORT_IN_USE: {
    status: 'failed_precondition',
    retriable: false,
    meaning: 'A port that the process needs is taken.',
  },
  INTERNAL: {
    status: 'internal',
    retriable: false,
    meaning: 'A fault of the program. Nothing is known to be lost.',
  },
} as const satisfies Record<string, CodeInfo>;

export type ErrorCode = keyof typeof errorCodes;

/** Facts beside code and message. Units: milliseconds. */
export interface ErrorFacts {
  readonly field?: string;
  readonly hint?: string;
  readonly tenantId?: string;
  readonly position?: {
    readonly topic: string;
    readonly partition: number;
    readonly offset: number;
    readonly epoch?: number;
  };
  readonly retryAfterMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** An operating failure or a refused request, with its code. Broken promises of the code itself use `invariant`. */
export class EntError extends Error {
  override readonly name = 'EntError';
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.facts = facts;
  }

  get status(): StatusName {
    return errorCodes[this.code].status;
  }

  get retriable(): boolean {
    return errorCodes[this.code].retriable;
  }
}

export function isEntError(error: unknown, code?: ErrorCode): error is EntError {
  return error instanceof EntError && (code === undefined || error.code === code);
}

/** Makes an Error of whatever was thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
