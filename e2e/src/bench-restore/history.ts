import {
  encodeWalRecord,
  OnConflict,
  requestHash,
  schemaFingerprint,
  val,
  type Fields,
  type Operation,
  type Transaction,
} from '@entdb/contracts';
import { schema } from '../bench/schema.ts';
import { seeded } from '../parts/seeded.ts';

/** The history of a tenant as it might be: records of about a kilobyte, most of which create. A seed gives the same one again. */

/** A record as it stands in the log. */
export interface LogLine {
  readonly offset: number;
  readonly timeMs: number;
  readonly value: Uint8Array;
}

/** The benchmark's. */
export const seed = 20_261_123;

/** A whole number below that one. */
type Random = (below: number) => number;

const startMs = 1_790_000_000_000;
const words =
  'account agreement amount balance branch carrier claim closing contract customer delivery deposit draft dispatch due engine entry freight harbour invoice journal ledger letter loan manifest margin notice offer order partner parcel payment policy port premium quote receipt region register remark renewal report request reserve route sale sample schedule share shipment signature statement store supplier tariff terms transfer vessel voucher warehouse'.split(
    ' ',
  );

/** Without end. `scale` makes texts that many times longer. */
export function* historyOf(tenantId: string, seed: number, scale = 1): Generator<LogLine, never> {
  const chance = seeded(seed);
  const random: Random = (below) => chance.between(0, below);
  let timeMs = startMs;
  for (let n = 0; ; n += 1) {
    timeMs += random(40);
    yield { offset: n, timeMs, value: recordOf(tenantId, n, random, scale) };
  }
}

function recordOf(tenantId: string, n: number, random: Random, scale: number): Uint8Array {
  const transaction: Transaction = {
    $typeName: 'entdb.v1.Transaction',
    preconditions: [],
    operations: operationsOf(n, random, scale).map((op) => ({
      $typeName: 'entdb.v1.Operation',
      op,
    })),
  };
  return encodeWalRecord({
    $typeName: 'entdb.v1.WalRecord',
    tenantId,
    idempotencyKey: `01890a5d-ac96-774b-${hex(n >>> 16, 4)}-${hex(n & 0xffff, 12)}`,
    requestHash: requestHash(transaction),
    actor: `user-${random(50)}`,
    schemaFingerprint: schemaFingerprint(schema.definition),
    ...(n === 0 && { schema: schema.definition }),
    autoCreate: true,
    body: { case: 'transaction', value: transaction },
  });
}

/** Of ten records seven create, one of them with mail; one changes, one removes and makes anew, one creates two with a shorter text. */
function operationsOf(n: number, random: Random, scale: number): readonly Operation['op'][] {
  const whole = 700 * scale;
  const kind = n < 20 ? 0 : random(10);
  const earlier = random(Math.max(n, 1));
  switch (kind) {
    case 7:
      return [
        {
          case: 'updateNode',
          value: {
            $typeName: 'entdb.v1.UpdateNode',
            typeId: 1,
            id: idOf(earlier, 0),
            set: { 2: val.int(random(1_000_000)), 3: val.str(textOf(random, whole)) },
            clear: [],
          },
        },
      ];
    case 8:
      return [
        {
          case: 'deleteNode',
          value: { $typeName: 'entdb.v1.DeleteNode', typeId: 1, id: idOf(earlier, 0) },
        },
        creation(n, 0, random, whole),
      ];
    case 9:
      return [creation(n, 0, random, whole / 2), creation(n, 1, random, whole / 2)];
    default:
      return [creation(n, 0, random, whole, kind === 6)];
  }
}

function creation(
  n: number,
  index: number,
  random: Random,
  chars: number,
  withMail = false,
): Operation['op'] {
  const fields: Fields = {
    1: val.str(`item ${n}-${index}`),
    2: val.int(random(1_000_000)),
    3: val.str(textOf(random, chars)),
  };
  return {
    case: 'createNode',
    value: {
      $typeName: 'entdb.v1.CreateNode',
      alias: '',
      typeId: 1,
      id: idOf(n, index),
      fields,
      onConflict: OnConflict.UNSPECIFIED,
      ...(withMail && {
        delivery: {
          $typeName: 'entdb.v1.Delivery',
          userIds: [`user-${random(50)}`],
          threadId: `thread-${random(1000)}`,
          snippet: textOf(random, 60),
          text: textOf(random, 200),
        },
      }),
    },
  };
}

function textOf(random: Random, chars: number): string {
  let text = '';
  while (text.length < chars) text += `${words[random(words.length)]} ${random(10_000)} `;
  return text.slice(0, chars);
}

/** Ids are made of hashes in the fleet, in the order of time for keys that have it. */
const idOf = (n: number, index: number): string =>
  `01890a5d-${hex((n >>> 12) & 0xffff, 4)}-7${hex(n & 0xfff, 3)}-8${hex(index, 3)}-${hex(Math.imul(n + 1, 0x9e3779b1) >>> 0, 12)}`;

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
