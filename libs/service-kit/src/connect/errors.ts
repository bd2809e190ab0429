/** Our errors as Connect's, and Connect's own as ours. */
import { EntError, type ErrorCode } from '@entdb/base';
import { Code, ConnectError } from '@connectrpc/connect';
import { RpcError, toRpcError, type RpcStatus } from '../rpc-error.ts';

const codeOfStatus: Readonly<Record<RpcStatus, Code>> = {
  canceled: Code.Canceled,
  unknown: Code.Unknown,
  invalid_argument: Code.InvalidArgument,
  deadline_exceeded: Code.DeadlineExceeded,
  not_found: Code.NotFound,
  already_exists: Code.AlreadyExists,
  permission_denied: Code.PermissionDenied,
  resource_exhausted: Code.ResourceExhausted,
  failed_precondition: Code.FailedPrecondition,
  aborted: Code.Aborted,
  out_of_range: Code.OutOfRange,
  unimplemented: Code.Unimplemented,
  internal: Code.Internal,
  unavailable: Code.Unavailable,
  data_loss: Code.DataLoss,
  unauthenticated: Code.Unauthenticated,
};

export interface ErrorOptions {
  readonly readBytesMax: number;
  /** Whether errors of ours carry their ErrorDetail. */
  readonly details: boolean;
}

export function toConnectError(
  thrown: unknown,
  { details }: Pick<ErrorOptions, 'details'>,
): ConnectError {
  const error = toRpcError(thrown);
  const connectError = new ConnectError(
    error.message,
    codeOfStatus[error.status],
    undefined,
    undefined,
    error,
  );
  // Details that a handler chose by itself are its answer, and stay.
  if (details || error === thrown) connectError.details = [...error.details];
  return connectError;
}

/** What the protocol layer refused by itself. `entered`: whether the handler had been called. */
export function fromProtocolFault(
  fault: ConnectError,
  entered: boolean,
  { readBytesMax }: ErrorOptions,
): EntError {
  const because = (code: ErrorCode, hint: string) =>
    new EntError(code, fault.rawMessage, { hint, cause: fault });
  switch (fault.code) {
    case Code.ResourceExhausted:
      return because(
        'RESOURCE_EXHAUSTED',
        `send less in one message: the limit is ${readBytesMax} bytes`,
      );
    case Code.Unimplemented:
      return because(
        'UNIMPLEMENTED',
        'call it as its contract says, with a compression that the server offers',
      );
    case Code.Canceled:
    case Code.Aborted:
      return because('CANCELED', 'the connection was closed by the caller');
    case Code.DeadlineExceeded:
      return because('DEADLINE_EXCEEDED', 'allow more time');
    case Code.Internal:
      // The library calls bytes that do not decode its own fault; before the handler runs they can only be the caller's.
      // Its text is the only mark they have. What else it calls internal then (a compressed message without its header) is
      // so by gRPC's own rules.
      if (!entered && fault.rawMessage.startsWith('parse binary')) {
        return because(
          'INVALID_ARGUMENT',
          'encode the request as its contract says; text must be valid UTF-8',
        );
      }
      return because(
        'INTERNAL',
        'the server log has the cause, unless the request breaks the protocol',
      );
    default:
      return because('INVALID_ARGUMENT', 'encode the request as its contract says');
  }
}

/**
 * Gives an error of the protocol layer our code and details. In place, because the layer offers no hook: it aborts the
 * call's signal with the error just before it writes it (held by a test for each protocol).
 */
export function refine(fault: ConnectError, entered: boolean, options: ErrorOptions): void {
  // One of ours has its RpcError as cause, and is as it should be.
  if (fault.cause instanceof RpcError) return;
  const refined = toConnectError(fromProtocolFault(fault, entered, options), options);
  Object.assign(fault, { code: refined.code, details: refined.details });
}
