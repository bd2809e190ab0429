import type { ErrorCode } from '@entdb/base';
import {
  change,
  checksumOf,
  fileOf,
  flipped,
  manifestOf,
  newerFormat,
  segmentOf,
  truncated,
  type Patient,
} from './harm.ts';

/** One thing that a person or a disk may do wrong, and what must come of it. */
export interface BadInput {
  readonly name: string;
  harm?(patient: Patient): Promise<void>;
  /** After `entdb restore`; the tenant and the output folder are added. */
  readonly args: (patient: Patient) => readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly status: number;
  /** None where the way leads around it. */
  readonly code?: ErrorCode | undefined;
  /** The object or position that must be named. */
  readonly named: (patient: Patient) => string;
  /** What must be said of it, to try or to know. */
  readonly says: string;
}

const sequence = (n: number) => () => ['--target-sequence', String(n)];
const time = (text: string) => () => ['--target-time', text];
const fromSnapshot = (id: (patient: Patient) => string) => (patient: Patient) => [
  'from-snapshot',
  '--snapshot-id',
  id(patient),
];
const harmed = (object: (patient: Patient) => string, to: (bytes: Buffer) => Uint8Array) => ({
  harm: (patient: Patient) => change(patient.store, object(patient), to),
});
const removed = (objects: (patient: Patient) => readonly string[]) => ({
  harm: (patient: Patient) => patient.store.remove(objects(patient)),
});
/** The stranger's object under this tenant's name. */
const swapped = (object: (patient: Patient) => string) => ({
  harm: async (patient: Patient) => {
    const foreign = await patient.store.read(object(patient.stranger!));
    await change(patient.store, object(patient), () => foreign);
  },
});

const segment = (patient: Patient) => segmentOf(patient, 1);
const checksum = (patient: Patient) => checksumOf(patient, 1);
const manifest = (patient: Patient) => manifestOf(patient, patient.newer);
const canonical = (patient: Patient) => fileOf(patient, patient.newer, 'canonical.db');
const mailbox = (patient: Patient) => fileOf(patient, patient.newer, 'mailbox.db');
const newer = ({ newer: id }: Patient) => id;

const targets: readonly BadInput[] = [
  {
    name: 'an unknown snapshot id',
    args: fromSnapshot(() => 'snap_2020-01-01T00:00:00.000Z'),
    status: 3,
    code: 'SNAPSHOT_NOT_FOUND',
    named: () => 'snap_2020-01-01T00:00:00.000Z',
    says: 'the newest is snap_',
  },
  {
    name: 'a snapshot id that is a path',
    args: fromSnapshot(() => '../../etc/passwd'),
    status: 3,
    code: 'SNAPSHOT_NOT_FOUND',
    named: () => '../../etc/passwd',
    says: 'list-snapshots',
  },
  {
    name: 'a time before the first record',
    args: time('2025-12-31T23:59:59Z'),
    status: 3,
    code: 'TARGET_BEFORE_FIRST',
    named: () => 'time 2025-12-31T23:59:59.000Z',
    says: 'the first is record 1 at offset 10, 2026-01-15T12:00:01.000Z',
  },
  {
    name: 'a time in the future',
    args: time('2999-01-01T00:00:00Z'),
    status: 3,
    code: 'TARGET_IN_FUTURE',
    named: () => 'time 2999-01-01T00:00:00.000Z',
    says: 'check the zone of the time, and the clock',
  },
  {
    name: 'an ISO time without its zone',
    args: time('2026-01-15T12:00:02'),
    status: 2,
    code: 'INVALID_TARGET',
    named: () => '"2026-01-15T12:00:02"',
    says: 'write it like',
  },
  {
    name: 'a time of another zone, on a clock of a third',
    args: time('2026-01-15T21:00:06+09:00'),
    env: { TZ: 'Pacific/Auckland' },
    status: 0,
    named: () => '  position     60\n',
    says: '  time         2026-01-15T12:00:06.000Z\n',
  },
  {
    name: 'a record that the archive does not have yet',
    args: sequence(13),
    status: 3,
    code: 'TARGET_BEYOND_ARCHIVE',
    named: () => 'offset 120, record 12',
    says: 'wait for the archiver',
  },
  {
    name: 'a key that nobody used',
    args: () => ['--target-key', 'no-such-key'],
    status: 3,
    code: 'TARGET_NOT_FOUND',
    named: () => '"no-such-key"',
    says: 'found where the log is at hand',
  },
];

const holes: readonly BadInput[] = [
  {
    name: 'a target inside a gap of the archive',
    ...removed((patient) => [segment(patient), checksum(patient)]),
    args: sequence(6),
    status: 4,
    code: 'TARGET_IN_GAP',
    named: () => 'record 6',
    says: 'records up to 4 can be restored',
  },
  {
    name: 'a gap, and a snapshot beyond it',
    ...removed((patient) => [segment(patient), checksum(patient)]),
    args: sequence(10),
    status: 0,
    named: newer,
    says: '  sequence     10\n',
  },
  {
    name: 'a segment that is missing, with its checksum there',
    ...removed((patient) => [segment(patient)]),
    args: sequence(6),
    status: 4,
    code: 'SEGMENT_CORRUPT',
    named: segment,
    says: 'records up to 4 can be restored',
  },
  {
    name: 'a checksum that is missing, with segments after it',
    ...removed((patient) => [checksum(patient)]),
    args: sequence(6),
    status: 4,
    code: 'SEGMENT_CORRUPT',
    named: segment,
    says: 'run: entdb verify',
  },
  {
    name: 'an extra object',
    harm: async ({ store, tenantId }) => {
      await store.create(`archive/${tenantId}/2026-01-15/notes.txt`, Buffer.from('hello'));
    },
    args: () => ['--json', '--target-sequence', '6'],
    status: 0,
    named: ({ tenantId }) => `archive/${tenantId}/2026-01-15/notes.txt`,
    says: 'unknownObjects',
  },
  {
    name: "another tenant's segment",
    ...swapped(segment),
    args: sequence(6),
    status: 4,
    code: 'SEGMENT_CORRUPT',
    named: segment,
    says: 'Try:',
  },
  {
    name: "another tenant's checksum",
    ...swapped(checksum),
    args: sequence(6),
    status: 4,
    code: 'SEGMENT_CORRUPT',
    named: checksum,
    says: 'records up to 4 can be restored',
  },
  {
    name: "another tenant's manifest",
    ...swapped(manifest),
    args: sequence(10),
    status: 5,
    named: newer,
    says: 'it is the manifest of tenant stranger',
  },
];

/** Both ways to damage an object. */
const damaged = (
  what: string,
  object: (patient: Patient) => string,
  rest: Omit<BadInput, 'name' | 'harm'>,
): readonly BadInput[] => [
  { name: `${what}, one bit flipped`, ...harmed(object, flipped), ...rest },
  { name: `${what}, cut short`, ...harmed(object, truncated), ...rest },
];

const damages: readonly BadInput[] = [
  ...damaged('a segment', segment, {
    args: sequence(6),
    status: 4,
    code: 'SEGMENT_CORRUPT',
    named: segment,
    says: 'Try:',
  }),
  ...damaged('a checksum', checksum, {
    args: sequence(6),
    status: 4,
    code: 'SEGMENT_CORRUPT',
    named: checksum,
    says: 'records up to 4 can be restored',
  }),
  ...damaged('a manifest', manifest, {
    args: sequence(10),
    status: 5,
    named: newer,
    says: 'passed over',
  }),
  ...damaged('canonical.db of a snapshot', canonical, {
    args: sequence(10),
    status: 5,
    named: newer,
    says: 'passed over',
  }),
  ...damaged('mailbox.db of a snapshot', mailbox, {
    args: sequence(10),
    status: 5,
    named: newer,
    says: 'passed over',
  }),
  ...damaged('canonical.db of the snapshot that is asked for', canonical, {
    args: fromSnapshot(newer),
    status: 4,
    code: 'SNAPSHOT_CORRUPT',
    named: canonical,
    says: 'Try:',
  }),
  {
    name: 'a snapshot and the segment in its stead, both damaged',
    harm: async (patient) => {
      await change(patient.store, canonical(patient), flipped);
      await change(patient.store, checksum(patient), flipped);
    },
    args: sequence(10),
    status: 4,
    code: 'SNAPSHOT_CORRUPT',
    named: canonical,
    says: 'there is no way around it',
  },
  {
    name: 'a manifest of a newer format',
    ...harmed(manifest, newerFormat),
    args: sequence(10),
    status: 5,
    named: newer,
    says: 'a manifest of format 99',
  },
  {
    name: 'a checksum of a newer format',
    ...harmed(checksum, newerFormat),
    args: sequence(6),
    status: 4,
    code: 'UNKNOWN_FORMAT',
    named: checksum,
    says: 'records up to 4 can be restored',
  },
];

export const badInputs: readonly BadInput[] = [...targets, ...holes, ...damages];
