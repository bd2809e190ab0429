import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
  type CompletedPart,
} from '@aws-sdk/client-s3';
import { hash } from 'node:crypto';
import { EntError } from '@entdb/base';
import type { Content } from '../content.ts';
import type { ObjectKey } from '../object-key.ts';
import { addressOf, type Condition, type Session } from './session.ts';

const partsMax = 10_000;

/**
 * Writes a large object in parts, of which only a few are in memory at a time. Nothing is visible before the last request, which carries the condition, and
 * which is sent only after the content has proven itself. What fails is aborted, so that no parts are left to be paid for; a process that dies leaves them, and
 * a lifecycle rule of the bucket for incomplete uploads is what removes those.
 */
export async function createInParts(
  session: Session,
  key: ObjectKey,
  content: Content,
  condition: Condition,
  signal: AbortSignal,
): Promise<void> {
  const { client, timing } = session;
  const address = addressOf(session, key);
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ ...address, ChecksumAlgorithm: 'SHA256' }),
    { abortSignal: signal },
  );
  if (UploadId === undefined)
    throw new EntError('OBJECT_STORE_UNAVAILABLE', `the store began no upload of ${key}`);
  try {
    const Parts = await sendParts(session, { ...address, UploadId }, content, signal);
    await client.send(
      new CompleteMultipartUploadCommand({
        ...address,
        ...condition,
        UploadId,
        MultipartUpload: { Parts },
      }),
      { abortSignal: signal, requestTimeout: timing.completeMs },
    );
  } catch (error) {
    // Also when the caller has aborted, so not by his signal. The first failure is the one to tell; what stays behind is for the lifecycle rule.
    await client.send(new AbortMultipartUploadCommand({ ...address, UploadId })).catch(() => {});
    throw error;
  }
}

interface Upload {
  readonly Bucket: string;
  readonly Key: string;
  readonly UploadId: string;
}

async function sendParts(
  { client, limits }: Session,
  upload: Upload,
  content: Content,
  signal: AbortSignal,
): Promise<CompletedPart[]> {
  const partBytes = Math.max(limits.partBytes, Math.ceil(content.size / partsMax));
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const underWay = new Set<Promise<void>>();
  const parts: CompletedPart[] = [];

  const sendPart = async (PartNumber: number, piece: Uint8Array): Promise<void> => {
    const ChecksumSHA256 = hash('sha256', piece, 'base64');
    const { ETag } = await client.send(
      new UploadPartCommand({ ...upload, PartNumber, Body: piece, ChecksumSHA256 }),
      { abortSignal: either },
    );
    parts[PartNumber - 1] = { PartNumber, ChecksumSHA256, ...(ETag !== undefined && { ETag }) };
  };

  try {
    let number = 0;
    for await (const piece of content.pieces(partBytes, either)) {
      number += 1;
      const sending = sendPart(number, piece).finally(() => underWay.delete(sending));
      underWay.add(sending);
      sending.catch(() => {}); // heard below, by whichever wait comes first
      if (underWay.size >= limits.partsInFlightMax) await Promise.race(underWay);
    }
    await Promise.all(underWay);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(underWay);
    throw error;
  }
  return parts;
}
