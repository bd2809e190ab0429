import type { S3Client } from '@aws-sdk/client-s3';
import type { Clock, Rng } from '@entdb/base';
import type { ObjectKey } from '../object-key.ts';
import type { S3Limits, S3Timing } from './options.ts';

/** What the parts of this adapter share: the bucket, the client, and how keys are spelled there. */
export interface Session {
  readonly client: S3Client;
  readonly bucket: string;
  /** Empty, or ends with `/`. */
  readonly prefix: string;
  readonly timing: S3Timing;
  readonly limits: S3Limits;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** Bucket and key as every request names them. */
export function addressOf({ bucket, prefix }: Session, key: ObjectKey) {
  return { Bucket: bucket, Key: `${prefix}${key}` };
}

/** Under which a write is done: that there is no such object yet, or none. */
export interface Condition {
  readonly IfNoneMatch?: '*';
}
