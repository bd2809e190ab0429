import { S3Client } from '@aws-sdk/client-s3';
import type { S3StoreOptions, S3Timing } from './options.ts';

const socketsMax = 200;

/**
 * The SDK with its dangerous defaults changed: nothing waits for ever, and no header is sent that servers other than AWS refuse. Checksums are ours: a SHA-256
 * goes with every body, so the SDK's CRC32 (and the trailers that it brings) is left out; callers verify what they read.
 */
export function createClient(
  options: S3StoreOptions,
  timing: S3Timing,
  attemptsMax: number,
): S3Client {
  const { endpoint, credentials } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const agent = { keepAlive: true, maxSockets: socketsMax };
  const client = new S3Client({
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(region !== undefined && { region }),
    ...(credentials && { credentials }),
    maxAttempts: attemptsMax,
    retryMode: 'standard',
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false, // it costs a connection a request
    requestHandler: {
      connectionTimeout: timing.connectMs,
      requestTimeout: timing.requestMs,
      throwOnRequestTimeout: true, // else the breach is only logged
      socketTimeout: 0, // it would count a slow reader as silence; `chunksOf` watches bodies
      httpAgent: agent,
      httpsAgent: agent,
    },
  });
  // The signature needs the SHA-256 that the body carries already: one hash instead of two.
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { readonly headers: Record<string, string> }; // a request of HTTP by then
      const checksum = headers['x-amz-checksum-sha256'];
      if (checksum !== undefined)
        headers['x-amz-content-sha256'] ??= Buffer.from(checksum, 'base64').toString('hex');
      return next(args);
    },
    { step: 'build', name: 'signBySha256' },
  );
  return client;
}
