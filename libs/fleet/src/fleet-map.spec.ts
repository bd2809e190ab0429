import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { silentLogger, type Clock, type Logger } from '@entdb/base';
import { encodeStatusRecord, sealRecord, StatusRecordSchema } from '@entdb/contracts';
import { createFleetMap } from './fleet-map.ts';
import { hearStatus } from './hear-status.ts';

type StatusInit = NonNullable<MessageInitShape<typeof StatusRecordSchema>['status']>;

let nowMs = 0;
const clock: Clock = { now: () => nowMs, monotonic: () => nowMs, sleep: async () => {} };
const recordOf = (instance: string, status: StatusInit) => ({
  key: instance,
  offset: 0,
  value: encodeStatusRecord(create(StatusRecordSchema, { instance, status })),
});

/** A logger that keeps what is said above debug. */
function listen(): { readonly logger: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const say = (_fields: object, message: string) => void lines.push(message);
  return { lines, logger: { ...silentLogger, info: say, warn: say, error: say } };
}

describe('what the fleet says of itself', () => {
  it('is kept by kind and place, until an instance is silent for too long', () => {
    const map = createFleetMap({ clock, silenceMaxMs: 10 });
    const { logger, lines } = listen();
    const hear = (instance: string, status: StatusInit) =>
      hearStatus(map, recordOf(instance, status), logger);
    hear('a-1', { case: 'applier', value: { shard: 1, shards: 2 } });
    hear('a-0', { case: 'applier', value: { shard: 0, shards: 2 } });
    hear('b-0', { case: 'archiver', value: { index: 0, archivers: 1, enabled: true } });
    expect(map.appliers().map(({ instance }) => instance)).toEqual(['a-0', 'a-1']);
    expect(map.archivers()).toMatchObject([{ instance: 'b-0', status: { enabled: true } }]);
    hear('s-1', { case: 'snapshotter', value: { enabled: true, due: 3n } });
    hear('s-0', { case: 'snapshotter', value: {} });
    expect(map.snapshotters()).toMatchObject([
      { instance: 's-0', status: { enabled: false } },
      { instance: 's-1', status: { enabled: true, due: 3n } },
    ]);
    expect(map.shards()).toBe(2);
    nowMs += 8;
    hear('b-0', { case: 'archiver', value: {} });
    nowMs += 8;
    expect(map.appliers()).toEqual([]);
    expect(map.archivers()).toHaveLength(1);
    expect(map.snapshotters()).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('tells those who fell silent at work from those who were turned off', () => {
    const map = createFleetMap({ clock, silenceMaxMs: 10 });
    const hear = (instance: string, status: StatusInit) =>
      hearStatus(map, recordOf(instance, status), silentLogger);
    expect(map.silent()).toEqual([]);
    hear('b-0', { case: 'archiver', value: { enabled: true } });
    hear('b-1', { case: 'archiver', value: { enabled: true } });
    hear('s-0', { case: 'snapshotter', value: { enabled: false } });
    nowMs += 8;
    hear('b-1', { case: 'archiver', value: { enabled: true } });
    nowMs += 8;
    expect(map.silent()).toEqual([]);
    nowMs += 8;
    expect(map.silent()).toEqual(['archiver']);
    hear('s-0', { case: 'snapshotter', value: { enabled: true } });
    nowMs += 11;
    expect(map.silent()).toEqual(['archiver', 'snapshotter']);
    hear('b-2', { case: 'archiver', value: { enabled: false } });
    nowMs += 11;
    expect(map.silent()).toEqual(['snapshotter']);
  });

  it('may be of a kind that this version does not know, without a word', () => {
    const map = createFleetMap({ clock, silenceMaxMs: 10 });
    const { logger, lines } = listen();
    // Field 2 (the instance), and field 1000, which is of a later version.
    const body = Buffer.from('1203' + Buffer.from('new').toString('hex') + 'c23e00', 'hex');
    const value = sealRecord('status', 'new', body);
    hearStatus(map, { key: 'new', value, offset: 0 }, logger);
    expect(lines).toEqual([]);
    hearStatus(map, { key: 'new', value: Buffer.from('rubbish'), offset: 1 }, logger);
    expect(lines).toHaveLength(1);
  });
});
