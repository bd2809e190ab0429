/**
 * The last form of an error before a transport writes it: a gRPC status, a text that may leave the process, and details.
 * `toRpcError` is the one place where errors are judged: ours keep their code, everything else becomes INTERNAL without its
 * text, because driver texts and paths are nobody's business outside.
 */
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import { EntError, type StatusName } from '@entdb/base';
import { ErrorDetailSchema } from '@entdb/contracts';

/** All statuses of gRPC that are errors. Our codes use fewer. */
export type RpcStatus = StatusName | 'unknown' | 'permission_denied' | 'unauthenticated';

export type RpcDetail =
  | { readonly desc: DescMessage; readonly value: MessageInitShape<DescMessage> }
  | { readonly type: string; readonly value: Uint8Array };

/** Handlers of our services throw EntError; this is for those that must choose status and details freely. */
export class RpcError extends Error {
  override readonly name = 'RpcError';
  readonly status: RpcStatus;
  readonly details: readonly RpcDetail[];

  constructor(
    status: RpcStatus,
    message: string,
    details: readonly RpcDetail[] = [],
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.details = details;
  }
}

export function toRpcError(thrown: unknown): RpcError {
  const known = toKnownError(thrown);
  if (known instanceof RpcError) return known;
  return new RpcError(
    known.status,
    known.message,
    [{ desc: ErrorDetailSchema, value: errorDetail(known) }],
    known,
  );
}

/** What may be told to a caller: our own errors as they are, everything else as INTERNAL with the stranger as its cause. */
export function toKnownError(thrown: unknown): EntError | RpcError {
  if (thrown instanceof RpcError || thrown instanceof EntError) return thrown;
  return new EntError('INTERNAL', 'a fault of the server', {
    hint: 'the server log has the cause',
    cause: thrown,
  });
}

/** The facts of an error as they travel. The cause stays at home. */
export function errorDetail(error: EntError): MessageInitShape<typeof ErrorDetailSchema> {
  const { field, hint, tenantId, position, retryAfterMs, metadata } = error.facts;
  return {
    code: error.code,
    message: error.message,
    field: field ?? '',
    hint: hint ?? '',
    tenantId: tenantId ?? '',
    retryAfterMs: retryAfterMs ?? 0,
    metadata: { ...metadata },
    ...(position && {
      position: {
        topic: position.topic,
        partition: position.partition,
        offset: BigInt(position.offset),
        epoch: BigInt(position.epoch ?? 0),
      },
    }),
  };
}
