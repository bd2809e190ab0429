/**
 * What a handler sees of a call: nothing of the transport. The same handler serves gRPC, gRPC-Web and Connect, over HTTP/1.1
 * and HTTP/2, and whatever leaner path is put below it later.
 */
import type {
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf';

export type RpcProtocol = 'grpc' | 'grpc-web' | 'connect';

export interface Call {
  /** For example entdb.v1.CommandService/ExecuteAtomic. */
  readonly method: string;
  readonly protocol: RpcProtocol;
  /**
   * Aborted with an EntError as its reason: DEADLINE_EXCEEDED, CANCELED, or SHUTTING_DOWN when the server's patience ends.
   * Give it to every wait; a handler that ignores it goes on in vain, because its answer is no longer heard.
   */
  readonly signal: AbortSignal;
  /** When the answer must be there, on the clock's monotonic scale. Always finite. */
  readonly deadline: number;
  /** Milliseconds until the deadline, never below 0. */
  remainingMs(): number;
  header(name: string): string | undefined;
  headers(): Iterable<readonly [name: string, value: string]>;
  /** Adds to the answer's metadata; headers count only before the first message of a stream. */
  appendHeader(name: string, value: string): void;
  appendTrailer(name: string, value: string): void;
}

/** The shape of one method's handler, by its kind. */
export type Handler<Method> =
  Method extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, call: Call) => Promise<MessageInitShape<O>>
    : Method extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, call: Call) => AsyncIterable<MessageInitShape<O>>
      : Method extends DescMethodClientStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageShape<I>>, call: Call) => Promise<MessageInitShape<O>>
        : Method extends DescMethodBiDiStreaming<infer I, infer O>
          ? (
              requests: AsyncIterable<MessageShape<I>>,
              call: Call,
            ) => AsyncIterable<MessageInitShape<O>>
          : never;

/** The handlers of one service. A method that is left out answers UNIMPLEMENTED. */
export type Implementation<Service extends DescService> = {
  readonly [Name in keyof Service['method']]?: Handler<Service['method'][Name]>;
};
