import { listen } from './doorbell.ts';
import { bellPath } from './topic-file.ts';
import {
  createTopicReader,
  stoppedSlice,
  type PackedSlice,
  type TopicReader,
} from './topic-reader.ts';

export interface ReadRequest {
  readonly partition: number;
  readonly offset: number;
  /** By which the read can be stopped. */
  readonly ticket: number;
}

/** A topic's reader, with reads that wait for what is not written yet. */
export interface TopicTail {
  readonly reader: TopicReader;
  /** Resolves when there are records at the offset, or when the partition does not hold it. */
  read(request: ReadRequest): Promise<PackedSlice>;
  /** Resolves a waiting read with an empty slice. */
  stop(ticket: number): void;
  /** Rejects the reads that wait. */
  close(reason: unknown): void;
}

interface Waiting extends ReadRequest {
  readonly resolve: (slice: PackedSlice) => void;
  readonly reject: (error: unknown) => void;
}

/** `onFault` is told of a fault met while looking for news; it is expected to close the tail. */
export function createTopicTail(
  directory: string,
  topic: string,
  onFault: (error: unknown) => void,
): TopicTail {
  const reader = createTopicReader(directory, topic);
  const waiting = new Map<number, Waiting>();
  let looking = false;
  let closed = false;

  const look = () => {
    looking = false;
    if (closed || waiting.size === 0) return;
    try {
      if (!reader.changed()) return;
      for (const read of waiting.values()) {
        const slice = reader.slice(read.partition, read.offset);
        if (!hasNews(slice, read.offset)) continue;
        waiting.delete(read.ticket);
        read.resolve(slice);
      }
    } catch (error) {
      onFault(error);
    }
  };

  const bell = listen(bellPath(directory, topic), () => {
    if (looking) return;
    looking = true;
    setImmediate(look); // many rings, one look
  });

  return {
    reader,
    read: async (request) => {
      const slice = reader.slice(request.partition, request.offset);
      if (hasNews(slice, request.offset)) return slice;
      return new Promise((resolve, reject) => {
        waiting.set(request.ticket, { ...request, resolve, reject });
      });
    },
    stop: (ticket) => {
      const read = waiting.get(ticket);
      waiting.delete(ticket);
      read?.resolve(stoppedSlice());
    },
    close: (reason) => {
      closed = true;
      bell.close();
      for (const read of waiting.values()) read.reject(reason);
      waiting.clear();
      reader.close();
    },
  };
}

function hasNews(slice: PackedSlice, offset: number): boolean {
  return slice.offsets.length > 0 || offset < slice.startOffset || offset > slice.endOffset;
}
