/** Our errors as Connect's, and Connect's own as ours. */
import { EntError, type ErrorCode } from '@entdb/base';
import { Code, ConnectError } from '@connectrpc/connect';
import { toRpcError, type RpcError, type RpcStatus } from '../rpc-error.ts';

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

export function toConnectError(error: RpcError): ConnectError {
  const connectError = new ConnectError(error.message, codeOfStatus[error.status], undefined, undefined, error);
  connectError.details = [...error.details];
  return connectError;
}

/** What the protocol layer refused by itself. `entered`: whether the handler had been called. */
export function fromProtocolFault(fault: ConnectError, entered: boolean, readBytesMax: number): EntError {
  const because = (code: ErrorCode, hint: string) => new EntError(code, fault.rawMessage, { hint, cause: fault });
  switch (fault.code) {
    case Code.ResourceExhausted:
      return because('RESOURCE_EXHAUSTED', `send less in one message: the limit is ${readBytesMax} bytes`);
    case Code.Unimplemented:
      return because('UNIMPLEMENTED', 'call it as its contract says, with a compression that the server offers');
    case Code.Canceled:
    case Code.Aborted:
      return because('CANCELED', 'the connection was closed by the caller');
    case Code.DeadlineExceeded:
      return because('DEADLINE_EXCEEDED', 'allow more time');
    case Code.Internal:
      // The library calls bytes that do not decode its own fault. Before the handler runs they can only be the caller's.
      if (entered) return because('INTERNAL', 'the server log has the cause');
      return because('INVALID_ARGUMENT', 'encode the request as its contract says; text must be valid UTF-8');
    default:
      return because('INVALID_ARGUMENT', 'encode the request as its contract says');
  }
}

/**
 * Gives an error of the protocol layer our code and details. In place, because the layer offers no hook: it aborts the
 * call's signal with the error just before it writes it (held by a test for each protocol).
 */
export function refine(fault: ConnectError, entered: boolean, readBytesMax: number): void {
  if (fault.details.length > 0 || fault.cause instanceof Error) return;
  const refined = toConnectError(toRpcError(fromProtocolFault(fault, entered, readBytesMax)));
  Object.assign(fault, { code: refined.code, details: refined.details });
}
