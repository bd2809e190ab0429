/** Everything has a limit with a name. The libraries' own defaults are 4 GiB messages and no deadline at all. */
export interface RpcLimits {
  readonly readBytesMax: number;
  readonly writeBytesMax: number;
  readonly inFlightMax: number;
  /** The deadline of a unary call that names none, and the longest that it may name. */
  readonly deadlineDefaultMs: number;
  readonly deadlineMaxMs: number;
  /** The longest life of a stream, and that of one that names no deadline. */
  readonly streamDeadlineMaxMs: number;
  /** How long a new connection may take to show which protocol it speaks. */
  readonly prefaceTimeoutMs: number;
  readonly concurrentStreamsMax: number;
  /** HTTP/2 flow control, in bytes: per stream and per connection. The default of 64 KiB is slow over any distance. */
  readonly streamWindowBytes: number;
  readonly sessionWindowBytes: number;
  readonly sessionMemoryMebibytes: number;
}

const mebibyte = 1024 * 1024;

export const defaultRpcLimits: RpcLimits = {
  readBytesMax: 4 * mebibyte,
  writeBytesMax: 4 * mebibyte,
  inFlightMax: 4096,
  deadlineDefaultMs: 30_000,
  deadlineMaxMs: 300_000,
  streamDeadlineMaxMs: 24 * 3_600_000,
  prefaceTimeoutMs: 10_000,
  concurrentStreamsMax: 1024,
  streamWindowBytes: mebibyte,
  sessionWindowBytes: 8 * mebibyte,
  sessionMemoryMebibytes: 64,
};
