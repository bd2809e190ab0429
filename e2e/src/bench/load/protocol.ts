/** What a load process is told when it starts, as JSON in its first argument. */
export type Job =
  | {
      /** Transactions through the SDK, which puts them on one stream for each client. */
      readonly kind: 'sdk';
      readonly endpoint: string;
      readonly wait: 'durable' | 'applied';
      readonly tenants: readonly string[];
      /** Calls without an answer, in all. */
      readonly outstanding: number;
      readonly clients: number;
    }
  | {
      /** ExecuteBatch calls, one tenant to a call. */
      readonly kind: 'batch';
      readonly endpoint: string;
      readonly tenants: readonly string[];
      readonly transactions: number;
    }
  | {
      /** One unary call again and again, as bytes over bare HTTP/2: the asker is to cost as little as can be. */
      readonly kind: 'unary';
      readonly endpoint: string;
      readonly path: string;
      /** Base64. */
      readonly body: string;
      readonly outstanding: number;
      readonly answerBytesMin: number;
    }
  | {
      /** Lanes of kafkajs as bare as they can be: the same records, one producer to a partition, one send in flight. */
      readonly kind: 'kafka-lanes';
      readonly brokers: readonly string[];
      readonly topic: string;
      readonly partitions: number;
      readonly recordsPerSend: number;
    }
  | {
      /** Commits into one SQLite file, synced: the same records, so many to a commit. */
      readonly kind: 'log-commits';
      readonly path: string;
      readonly partitions: number;
      readonly recordsPerCommit: number;
    };

export interface RoundResult {
  readonly count: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the load process itself. */
  readonly cpuSeconds: number;
}

/** One thing done, by one of the loops: how many items it was. */
export type Step = () => Promise<number>;

/** A load that is set up: loops that each do one thing after the other. */
export interface Load {
  readonly loops: readonly Step[];
  close(): Promise<void>;
}
