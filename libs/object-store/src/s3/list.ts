import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import { EntError } from '@entdb/base';
import type { ObjectEntry } from '../object-store.ts';
import { s3Fault } from './s3-faults.ts';
import type { Session } from './session.ts';

export async function* listObjects(
  session: Session,
  { prefix, startAfter }: { readonly prefix: string; readonly startAfter: string },
  signal: AbortSignal,
): AsyncGenerator<ObjectEntry, void, undefined> {
  const query = {
    Prefix: `${session.prefix}${prefix}`,
    ...(startAfter !== '' && { StartAfter: `${session.prefix}${startAfter}` }),
  };
  for await (const page of pages(session, query, signal)) {
    for (const { Key = '', Size = 0, LastModified } of page.Contents ?? [])
      yield {
        key: Key.slice(session.prefix.length),
        size: Size,
        modifiedMs: LastModified?.getTime() ?? 0,
      };
  }
}

export async function* listFolders(
  session: Session,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const query = { Prefix: `${session.prefix}${prefix}`, Delimiter: '/' };
  for await (const page of pages(session, query, signal)) {
    for (const { Prefix = '' } of page.CommonPrefixes ?? [])
      yield Prefix.slice(session.prefix.length);
  }
}

/** All pages; ends when the server says that there are no more, and refuses one that says so and not. */
async function* pages(
  { client, bucket }: Session,
  query: { readonly Prefix: string; readonly StartAfter?: string; readonly Delimiter?: string },
  signal: AbortSignal,
): AsyncGenerator<ListObjectsV2CommandOutput, void, undefined> {
  let token: string | undefined;
  for (;;) {
    const list = new ListObjectsV2Command({
      Bucket: bucket,
      ...query,
      ...(token !== undefined && { ContinuationToken: token }),
    });
    const page = await client.send(list, { abortSignal: signal }).catch((error: unknown) => {
      throw s3Fault(error, `list ${query.Prefix} of bucket ${bucket}`, signal);
    });
    yield page;
    if (page.IsTruncated !== true) return;
    if (page.NextContinuationToken === undefined || page.NextContinuationToken === token)
      throw new EntError('OBJECT_STORE_UNSAFE', `the listing of ${query.Prefix} does not go on`);
    token = page.NextContinuationToken;
  }
}
