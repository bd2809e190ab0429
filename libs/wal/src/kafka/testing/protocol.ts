import { parseRecordBatch, type RecordBatch } from './record-batch.ts';
import type { AppendResult } from './partition-log.ts';
import { array, int16, int32, int64, int8, reader, string } from './wire.ts';

/** The requests of a kafkajs producer, in the versions that the scripted broker offers. */
export type Request = { readonly correlationId: number } & (
  | {
      readonly kind: 'produce';
      readonly topic: string;
      readonly partition: number;
      readonly batch: RecordBatch;
    }
  | { readonly kind: 'metadata' }
  | { readonly kind: 'apiVersions'; readonly version: number }
  | { readonly kind: 'initProducerId' }
);

const apiKeys = { produce: 0, metadata: 3, apiVersions: 18, initProducerId: 22 } as const;
const versionsMax = { produce: 3, metadata: 4, apiVersions: 2, initProducerId: 0 } as const;

export function parseRequest(frame: Buffer): Request {
  const wire = reader(frame);
  const apiKey = wire.int16();
  const version = wire.int16();
  const correlationId = wire.int32();
  wire.string(); // client id
  switch (apiKey) {
    case apiKeys.produce:
      return { kind: 'produce', correlationId, ...parseProduce(wire) };
    case apiKeys.metadata:
      return { kind: 'metadata', correlationId };
    case apiKeys.apiVersions:
      return { kind: 'apiVersions', correlationId, version };
    case apiKeys.initProducerId:
      return { kind: 'initProducerId', correlationId };
    default:
      throw new Error(`API ${apiKey} is not expected of a producer`);
  }
}

/** Of one topic and one partition: a lane sends no other, and plain kafkajs need not in these tests. */
function parseProduce(wire: ReturnType<typeof reader>) {
  wire.string(); // transactional id
  wire.int16(); // acks
  wire.int32(); // timeout
  const [first, ...others] = wire
    .array(() => {
      const topic = wire.string() ?? '';
      return wire.array(() => ({
        topic,
        partition: wire.int32(),
        batch: parseRecordBatch(wire.bytes(wire.int32())),
      }));
    })
    .flat();
  if (!first || others.length > 0)
    throw new Error(`${others.length + 1} partitions in one request`);
  return first;
}

export const frame = (correlationId: number, ...body: readonly Buffer[]): Buffer => {
  const content = Buffer.concat([int32(correlationId), ...body]);
  return Buffer.concat([int32(content.length), content]);
};

export function apiVersionsBody(version: number): Buffer {
  const names = Object.keys(apiKeys) as (keyof typeof apiKeys)[];
  const ranges = names.map((name) =>
    Buffer.concat([int16(apiKeys[name]), int16(0), int16(versionsMax[name])]),
  );
  return Buffer.concat([int16(0), array(ranges), ...(version > 0 ? [int32(0)] : [])]);
}

export interface NodeAddress {
  readonly id: number;
  readonly port: number;
}

export function metadataBody(
  nodes: readonly NodeAddress[],
  topic: string,
  leaders: readonly number[],
): Buffer {
  const brokers = nodes.map(({ id, port }) =>
    Buffer.concat([int32(id), string('127.0.0.1'), int32(port), string(null)]),
  );
  const replicas = array(nodes.map(({ id }) => int32(id)));
  const partitions = leaders.map((leader, partition) =>
    Buffer.concat([int16(0), int32(partition), int32(leader), replicas, replicas]),
  );
  const topics = [Buffer.concat([int16(0), string(topic), int8(0), array(partitions)])];
  const controllerId = nodes[0]?.id ?? -1;
  return Buffer.concat([
    int32(0),
    array(brokers),
    string('scripted'),
    int32(controllerId),
    array(topics),
  ]);
}

export const initProducerIdBody = (producerId: number): Buffer =>
  Buffer.concat([int32(0), int16(0), int64(producerId), int16(0)]);

export function produceBody(
  topic: string,
  partition: number,
  { errorCode, baseOffset }: AppendResult,
): Buffer {
  const answer = Buffer.concat([
    int32(partition),
    int16(errorCode),
    int64(baseOffset),
    int64(Date.now()),
  ]);
  return Buffer.concat([array([Buffer.concat([string(topic), array([answer])])]), int32(0)]);
}
