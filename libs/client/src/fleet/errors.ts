import { Code, ConnectError } from '@connectrpc/connect';
import { EntError, type ErrorCode } from '@entdb/base';
import { errorFromDetail, ErrorDetailSchema } from '@entdb/contracts';

/**
 * Our servers put an ErrorDetail into every error. An error without one comes from the connection or from something between:
 * most codes then say no more than that no answer came.
 */
const codesWithoutDetail: Readonly<Partial<Record<Code, ErrorCode>>> = {
  [Code.DeadlineExceeded]: 'DEADLINE_EXCEEDED',
  [Code.ResourceExhausted]: 'RESOURCE_EXHAUSTED',
  [Code.Unimplemented]: 'UNIMPLEMENTED',
  [Code.InvalidArgument]: 'INVALID_ARGUMENT',
  [Code.PermissionDenied]: 'INTERNAL',
  [Code.Unauthenticated]: 'INTERNAL',
};

/** The error as the program sees it. The cause keeps what the transport said. */
export function toEntError(thrown: unknown): EntError {
  if (thrown instanceof EntError) return thrown;
  const error = ConnectError.from(thrown);
  const [detail] = error.findDetails(ErrorDetailSchema);
  if (detail) return errorFromDetail(detail);
  const code = codesWithoutDetail[error.code] ?? 'UNREACHABLE';
  return new EntError(code, error.rawMessage, { cause: thrown });
}

/** The same error with more facts. */
export function withMetadata(
  error: EntError,
  metadata: Readonly<Record<string, string>>,
): EntError {
  const facts = { ...error.facts, metadata: { ...error.facts.metadata, ...metadata } };
  return new EntError(error.code, error.message, { ...facts, cause: error.facts.cause ?? error });
}
