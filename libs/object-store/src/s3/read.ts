import { createHash } from 'node:crypto';
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { EntError, isEntError } from '@entdb/base';
import type { OpenObject } from '../backend.ts';
import type { Content } from '../content.ts';
import type { ObjectKey } from '../object-key.ts';
import type { ByteRange, ObjectFacts } from '../object-store.ts';
import { chunksOf, readableOf } from './body.ts';
import { s3Fault, sdkFacts } from './s3-faults.ts';
import { addressOf, type Session } from './session.ts';

export async function openObject(
  session: Session,
  key: ObjectKey,
  range: ByteRange | undefined,
  signal: AbortSignal,
): Promise<OpenObject> {
  const { client, clock, timing } = session;
  const Range = range && `bytes=${range.offset}-${range.offset + range.length - 1}`;
  const get = new GetObjectCommand({ ...addressOf(session, key), ...(Range && { Range }) });
  try {
    const { Body, ContentLength, $metadata } = await client.send(get, { abortSignal: signal });
    const body = readableOf(Body);
    body.on('error', () => {}); // whoever reads hears of it; a body that is given up must not end the process
    const close = async () => void body.destroy();
    // A server may answer a range with the whole object.
    if (ContentLength === undefined || (Range !== undefined && $metadata.httpStatusCode !== 206)) {
      await close();
      throw new EntError(
        'OBJECT_STORE_UNAVAILABLE',
        `the answer for ${key} is not what was asked for`,
      );
    }
    const chunks = chunksOf(body, { clock, idleMs: timing.idleMs });
    return { size: ContentLength, chunks: told(chunks, key, signal), close };
  } catch (error) {
    throw s3Fault(error, `read ${key} of bucket ${session.bucket}`, signal);
  }
}

async function* told(
  chunks: AsyncIterable<Uint8Array>,
  key: ObjectKey,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* chunks;
  } catch (error) {
    throw s3Fault(error, `read ${key} to its end`, signal);
  }
}

export async function statObject(
  session: Session,
  key: ObjectKey,
  signal: AbortSignal,
): Promise<ObjectFacts | undefined> {
  const { client, bucket } = session;
  try {
    const head = await client.send(new HeadObjectCommand(addressOf(session, key)), {
      abortSignal: signal,
    });
    return { size: head.ContentLength ?? 0, modifiedMs: head.LastModified?.getTime() ?? 0 };
  } catch (error) {
    const { status } = sdkFacts(error);
    // The answer to HEAD has no body to say what is wrong; a missing bucket must not pass for a missing object.
    if (status === 404 || status === 400) {
      const list = new ListObjectsV2Command({ Bucket: bucket, MaxKeys: 1 });
      await client.send(list, { abortSignal: signal }).catch((reason: unknown) => {
        throw s3Fault(reason, `look at bucket ${bucket}`, signal);
      });
    }
    if (status === 404) return undefined;
    throw s3Fault(error, `look at ${key} of bucket ${bucket}`, signal);
  }
}

/** Whether the stored object has the very bytes of the content, by reading it. */
export async function holdsContent(
  session: Session,
  key: ObjectKey,
  content: Content,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    const object = await openObject(session, key, undefined, signal);
    try {
      if (object.size !== content.size) return false;
      const hasher = createHash('sha256');
      for await (const chunk of object.chunks) hasher.update(chunk);
      return hasher.digest('hex') === content.sha256();
    } finally {
      await object.close();
    }
  } catch (error) {
    if (isEntError(error, 'OBJECT_NOT_FOUND')) return false;
    throw error;
  }
}
