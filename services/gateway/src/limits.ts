/** What one request may ask for. Beyond each: a typed error, at once, with nothing written. */
export interface Limits {
  /** Operations, and as many preconditions, in one transaction. */
  readonly operationsMax: number;
  /** The encoded record, with everything in it. */
  readonly recordBytesMax: number;
  /** Transactions in one ExecuteBatch. */
  readonly batchTransactionsMax: number;
  /** Transactions of one ExecuteStream whose outcome the client has not taken yet. */
  readonly streamInFlightMax: number;
}

/** Ids are minted by operation index, which has 16 bits; results must fit a record, too. */
export const operationsMaxMax = 5_000;
