import { PutObjectCommand } from '@aws-sdk/client-s3';
import { backoffMs, invariant } from '@entdb/base';
import { wholeOf, type Content } from '../content.ts';
import type { ObjectKey } from '../object-key.ts';
import { holdsContent, statObject } from './read.ts';
import { s3Fault, sdkFacts } from './s3-faults.ts';
import { addressOf, type Condition, type Session } from './session.ts';
import { createInParts } from './upload.ts';

/** How often a write is tried anew when S3 says that another one is under way (409). */
const conflictsMax = 8;
const conflictBackoff = { initialMs: 50, maxMs: 2_000 } as const;

/**
 * Writes an object on condition that it is not there (`If-None-Match: *`). The SDK retries by itself, and a retry of a request whose answer was lost finds its own
 * object: only then, a 412 after more than one attempt, the stored bytes are compared.
 */
export async function createNatively(
  session: Session,
  key: ObjectKey,
  content: Content,
  signal: AbortSignal,
): Promise<'created' | 'exists'> {
  const { wholeBytesMax } = session.limits;
  // Before so much is sent in vain; and a second guard, should a server honour the condition in small writes only.
  if (content.size > wholeBytesMax && (await statObject(session, key, signal))) return 'exists';
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      await send(session, key, content, { IfNoneMatch: '*' }, signal);
      return 'created';
    } catch (error) {
      const { status, attempts, name } = sdkFacts(error);
      if (status === 412) {
        const ours = attempts > 1 || conflicts > 0;
        return ours && (await holdsContent(session, key, content, signal)) ? 'created' : 'exists';
      }
      // An upload that S3 no longer knows was completed by an attempt whose answer was lost, or was removed by somebody.
      if (name === 'NoSuchUpload' && (await holdsContent(session, key, content, signal)))
        return 'created';
      if (status !== 409 || conflicts === conflictsMax)
        throw s3Fault(error, `write ${key} in bucket ${session.bucket}`, signal);
    }
    await session.clock.sleep(
      backoffMs(conflicts, { ...conflictBackoff, rng: session.rng }),
      signal,
    );
  }
}

/** For servers that ignore the condition: looks first, writes, reads back. Two writers at the same moment can both believe that they were first. */
export async function createByLooking(
  session: Session,
  key: ObjectKey,
  content: Content,
  signal: AbortSignal,
): Promise<'created' | 'exists'> {
  if (await statObject(session, key, signal)) return 'exists';
  try {
    await send(session, key, content, {}, signal);
  } catch (error) {
    throw s3Fault(error, `write ${key} in bucket ${session.bucket}`, signal);
  }
  return (await holdsContent(session, key, content, signal)) ? 'created' : 'exists';
}

async function send(
  session: Session,
  key: ObjectKey,
  content: Content,
  condition: Condition,
  signal: AbortSignal,
): Promise<void> {
  if (content.size > session.limits.wholeBytesMax)
    return createInParts(session, key, content, condition, signal);
  const body = await wholeOf(content, signal);
  const sha256 = content.sha256();
  invariant(sha256 !== undefined, 'content that was read to its end has a hash');
  const put = new PutObjectCommand({
    ...addressOf(session, key),
    ...condition,
    Body: body,
    ChecksumSHA256: Buffer.from(sha256, 'hex').toString('base64'),
  });
  await session.client.send(put, { abortSignal: signal });
}
