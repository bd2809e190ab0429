import { EntError, isEntError, toError, type ErrorCode } from '@entdb/base';

/** What the SDK's errors have in common, as far as we use it. */
interface SdkFacts {
  readonly name: string;
  readonly message: string;
  readonly status: number | undefined;
  readonly attempts: number;
}

export function sdkFacts(error: unknown): SdkFacts {
  const { name, message, $metadata } = toError(error) as Error & {
    readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
  }; // what the SDK adds, where it did
  return {
    name,
    message,
    status: $metadata?.httpStatusCode,
    attempts: $metadata?.attempts ?? 1,
  };
}

type Verdict = readonly [code: ErrorCode, hint?: string];

const clockHint = 'set the clock of this machine: S3 refuses requests more than 15 minutes off';
const keysHint =
  'check the credentials (ENTDB_S3_ACCESS_KEY_ID, ENTDB_S3_SECRET_ACCESS_KEY, or the role of this process)';
const bucketHint = 'check ENTDB_S3_BUCKET, ENTDB_S3_REGION and ENTDB_S3_ENDPOINT';

/** By the error's name, which is the most exact. */
const byName: Readonly<Record<string, Verdict>> = {
  NoSuchKey: ['OBJECT_NOT_FOUND'],
  NoSuchBucket: ['OBJECT_STORE_DENIED', bucketHint],
  InvalidBucketName: ['OBJECT_STORE_DENIED', bucketHint],
  PermanentRedirect: ['OBJECT_STORE_DENIED', bucketHint],
  AuthorizationHeaderMalformed: ['OBJECT_STORE_DENIED', bucketHint],
  InvalidAccessKeyId: ['OBJECT_STORE_DENIED', keysHint],
  SignatureDoesNotMatch: ['OBJECT_STORE_DENIED', keysHint],
  ExpiredToken: ['OBJECT_STORE_DENIED', keysHint],
  CredentialsProviderError: ['OBJECT_STORE_DENIED', keysHint],
  RequestTimeTooSkewed: ['OBJECT_STORE_DENIED', clockHint],
  AccessDenied: [
    'OBJECT_STORE_DENIED',
    'allow this process to read, write, list and remove objects in the bucket',
  ],
  InvalidRange: ['INVALID_ARGUMENT'],
  // The bytes were damaged between here and there: sending them again is the cure.
  BadDigest: ['OBJECT_STORE_UNAVAILABLE'],
  XAmzContentSHA256Mismatch: ['OBJECT_STORE_UNAVAILABLE'],
  NoSuchUpload: ['OBJECT_STORE_UNAVAILABLE'],
  TimeoutError: ['OBJECT_STORE_UNAVAILABLE'],
};

/** By the status of the answer. Without one there was no answer: the network. */
function byStatus(status: number | undefined): Verdict {
  if (status === undefined || status === 408 || status === 409 || status === 429)
    return ['OBJECT_STORE_UNAVAILABLE'];
  if (status === 301 || status === 307) return ['OBJECT_STORE_DENIED', bucketHint];
  if (status === 401 || status === 403) return ['OBJECT_STORE_DENIED', keysHint];
  // Not the object, or the server would have said NoSuchKey: the bucket, or (versitygw) the owner of the key.
  if (status === 404) return ['OBJECT_STORE_DENIED', `${bucketHint}, and the credentials`];
  if (status === 416) return ['INVALID_ARGUMENT'];
  if (status === 501)
    return ['OBJECT_STORE_UNSAFE', 'the server does not know what was asked of it'];
  // Below 300: an answer that broke off or made no sense.
  return status >= 500 || status < 300 ? ['OBJECT_STORE_UNAVAILABLE'] : ['INTERNAL'];
}

/** Makes an EntError of what the SDK threw. An error of ours, and the reason of an abort, stay what they are. */
export function s3Fault(error: unknown, attempted: string, signal: AbortSignal): unknown {
  if (isEntError(error)) return error;
  if (signal.aborted) return signal.reason;
  const { name, message, status } = sdkFacts(error);
  const [code, hint]: Verdict =
    message === 'Region is missing' // the SDK has no name for it
      ? ['OBJECT_STORE_DENIED', 'set ENTDB_S3_REGION']
      : (byName[name] ?? byStatus(status));
  const answer = status === undefined ? name : `${status} ${name}`;
  return new EntError(code, `cannot ${attempted}: ${answer}: ${message}`, {
    ...(hint !== undefined && { hint }),
    cause: error,
  });
}
