import type { Clock, Rng } from '@entdb/base';

export interface S3StoreOptions {
  readonly bucket: string;
  /** URL of a server that is not AWS; its buckets are addressed by path. */
  readonly endpoint?: string;
  /** Absent: from the surroundings, as the credentials; `us-east-1` with an endpoint. */
  readonly region?: string;
  /** Absent: the SDK's default chain (environment, profile, web identity, instance). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** Put before every key, with a `/` between: several fleets can share a bucket. */
  readonly prefix?: string;
  /** Whether `probe` may fall back to looking first and reading back; see ProbeResult. */
  readonly allowNoConditionalCreate?: boolean;
  readonly timing?: Partial<S3Timing>;
  readonly limits?: Partial<S3Limits>;
  readonly clock?: Clock;
  readonly rng?: Rng;
}

/** Milliseconds. The SDK's own default is to wait for ever. */
export interface S3Timing {
  readonly connectMs: number;
  /** From the first byte of a request, its body included, to the head of the answer. */
  readonly requestMs: number;
  /** Completing an upload in parts may take the server minutes. */
  readonly completeMs: number;
  /** The longest silence in the middle of a body. A caller that takes its time does not count. */
  readonly idleMs: number;
}

export const defaultTiming: S3Timing = {
  connectMs: 2_000,
  requestMs: 20_000,
  completeMs: 120_000,
  idleMs: 20_000,
};

export interface S3Limits {
  /** Tries of one request, the first included. */
  readonly attemptsMax: number;
  /** Up to here an object is sent in one request from memory; above in parts. */
  readonly wholeBytesMax: number;
  /** Grows for objects that would need more than S3's 10,000 parts. */
  readonly partBytes: number;
  /** Parts in memory and on their way at the same time. */
  readonly partsInFlightMax: number;
}

export const defaultLimits: S3Limits = {
  attemptsMax: 4,
  wholeBytesMax: 16 * 1024 * 1024,
  partBytes: 8 * 1024 * 1024,
  partsInFlightMax: 3,
};
