import { murmur2, partitionOf, shardOf } from './partition.ts';

// Reference values of Kafka's own test, UtilsTest.testMurmur2.
const reference: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('partition of a tenant', () => {
  it.each(reference)('murmur2(%s) is that of Kafka', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  it('is never negative and always below the count', () => {
    for (let i = 0; i < 1000; i++) {
      const partition = partitionOf(`tenant_${i}`, 8);
      expect(partition).toBeGreaterThanOrEqual(0);
      expect(partition).toBeLessThan(8);
      expect(shardOf(partition, 3)).toBe(partition % 3);
    }
  });
});
