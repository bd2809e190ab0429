import * as fc from 'fast-check';
import type { Lane } from '../wal.ts';
import { numbered, readAll, record, tail, textOf, withAnother, type Fixture } from './fixture.ts';

const propertyRuns = 10;

export function describeInstances({ wal, newTopic, underTest }: Fixture): void {
  describe('several instances on one log', () => {
    it('see the topics and the records of each other, as they come', () =>
      withAnother(underTest(), async (other) => {
        const topic = await newTopic();
        expect((await other.describeTopic(topic))?.partitions).toBe(1);
        const reader = tail(other, { topic, from: new Map([[0, 0]]) });
        await reader.started;
        const lanes = [await wal().openLane(topic, 0), await other.openLane(topic, 0)] as const;
        const texts = numbered(40);
        for (const [index, text] of texts.entries()) {
          const lane = lanes[index % 2 === 0 ? 0 : 1];
          expect(await lane.append([record(text)])).toMatchObject({ baseOffset: index });
          await reader.records(index + 1);
        }
        expect((await reader.records(40)).map(textOf)).toEqual(texts);
        await reader.stop();
        await Promise.all(lanes.map((lane) => lane.close()));
      }));

    it('end what is open when one is closed, and leave the other alone', () =>
      withAnother(underTest(), async (other) => {
        const topic = await newTopic();
        const lane = await other.openLane(topic, 0);
        const accepted = lane.append([record('accepted')]);
        await other.close();
        expect(await accepted).toMatchObject({ baseOffset: 0 });
        await expect(lane.append([record('late')])).rejects.toThrow();
        expect(await wal().bounds(topic, 0)).toEqual({ startOffset: 0, endOffset: 1 });
      }));

    it('keep every acknowledged record at its offset, whatever the interleaving (property)', () =>
      withAnother(underTest(), async (other) => {
        const calls = fc.array(
          fc.record({
            instance: fc.nat(1),
            lane: fc.nat(1),
            partition: fc.nat(1),
            records: fc.integer({ min: 1, max: 4 }),
            wait: fc.boolean(),
          }),
          { minLength: 1, maxLength: 40 },
        );
        await fc.assert(
          fc.asyncProperty(calls, async (plan) => {
            const topic = await newTopic(2);
            const lanes = new Map<string, Lane>();
            const acknowledged: Promise<readonly [number, number, readonly string[]]>[] = [];
            for (const [index, call] of plan.entries()) {
              const name = `${call.instance}.${call.lane}.${call.partition}`;
              const lane =
                lanes.get(name) ??
                (await (call.instance === 0 ? wal() : other).openLane(topic, call.partition, {
                  batchRecordsMax: 5,
                }));
              lanes.set(name, lane);
              const texts = numbered(call.records, `${index}.`);
              const append = lane
                .append(texts.map((text) => record(text, name)))
                .then((receipt) => [call.partition, receipt.baseOffset, texts] as const);
              acknowledged.push(append);
              if (call.wait) await append;
            }
            const acks = await Promise.all(acknowledged);
            for (const partition of [0, 1]) {
              const stored = (await readAll(wal(), topic, partition)).map(textOf);
              const expected: string[] = [];
              for (const [where, baseOffset, texts] of acks) {
                if (where === partition)
                  texts.forEach((text, i) => (expected[baseOffset + i] = text));
              }
              expect(stored).toEqual(expected);
            }
            await Promise.all([...lanes.values()].map((lane) => lane.close()));
          }),
          { numRuns: propertyRuns },
        );
      }));
  });
}
