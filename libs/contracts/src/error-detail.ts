import { EntError, errorCodes, type ErrorCode } from '@entdb/base';
import type { ErrorDetail } from './gen/entdb/v1/value_pb.ts';
import { positionFromWire, positionToWire } from './position.ts';

export function errorToDetail(error: EntError): ErrorDetail {
  const {
    field = '',
    hint = '',
    tenantId = '',
    position,
    retryAfterMs = 0,
    metadata = {},
  } = error.facts;
  return {
    $typeName: 'entdb.v1.ErrorDetail',
    code: error.code,
    message: error.message,
    field,
    hint,
    tenantId,
    ...(position && { position: positionToWire({ epoch: 0, ...position }) }),
    retryAfterMs,
    metadata: { ...metadata },
  };
}

/** A code that this program does not know (from a newer server) becomes INTERNAL and keeps its name in the message. */
export function errorFromDetail(detail: ErrorDetail): EntError {
  const known = Object.hasOwn(errorCodes, detail.code);
  return new EntError(
    known ? (detail.code as ErrorCode) : 'INTERNAL',
    known ? detail.message : `${detail.code}: ${detail.message}`,
    {
      ...(detail.field && { field: detail.field }),
      ...(detail.hint && { hint: detail.hint }),
      ...(detail.tenantId && { tenantId: detail.tenantId }),
      ...(detail.position && { position: positionFromWire(detail.position) }),
      ...(detail.retryAfterMs && { retryAfterMs: detail.retryAfterMs }),
      ...(Object.keys(detail.metadata).length > 0 && { metadata: detail.metadata }),
    },
  );
}
