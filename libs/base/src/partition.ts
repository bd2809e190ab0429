/**
 * The partition of a tenant: Kafka's own default, murmur2 of the key's UTF-8 bytes, made positive, modulo the count. Computed
 * here and nowhere else, so that every client of the log agrees (reference: org.apache.kafka.common.utils.Utils.murmur2).
 */
export function partitionOf(tenantId: string, partitions: number): number {
  return (murmur2(Buffer.from(tenantId, 'utf8')) & 0x7fffffff) % partitions;
}

/** The shard that owns a partition. */
export function shardOf(partition: number, shards: number): number {
  return partition % shards;
}

const m = 0x5bd1e995;

/** 32-bit MurmurHash2 with Kafka's seed, as a signed integer. */
export function murmur2(data: Uint8Array): number {
  const length = data.length;
  let h = 0x9747b28c ^ length;
  const whole = length - (length % 4);
  for (let i = 0; i < whole; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    k = Math.imul(k, m);
    h = Math.imul(h, m) ^ k;
  }
  const rest = length % 4;
  if (rest === 3) h ^= data[whole + 2]! << 16;
  if (rest >= 2) h ^= data[whole + 1]! << 8;
  if (rest >= 1) {
    h ^= data[whole]!;
    h = Math.imul(h, m);
  }
  h ^= h >>> 13;
  h = Math.imul(h, m);
  h ^= h >>> 15;
  return h | 0;
}
