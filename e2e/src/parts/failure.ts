import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorDetailSchema, type ErrorDetail } from '@entdb/contracts';

export interface Failure {
  /** The gRPC status by name. */
  readonly status: string | undefined;
  readonly detail: ErrorDetail | undefined;
}

/** What a call failed with. A call that succeeds fails the test. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const outcome = await call.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  );
  if ('answer' in outcome) throw new Error('the call succeeded, and should have failed');
  const error = ConnectError.from(outcome.error);
  return { status: Code[error.code], detail: error.findDetails(ErrorDetailSchema)[0] };
}
