import { fromBinary, toBinary } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { TransactionSchema, type Transaction } from './gen/entdb/v1/transaction_pb.ts';
import { requestHash, restoreRequestHash } from './request-hash.ts';
import { transaction } from './testing/arbitrary.ts';

const hex = (request: Transaction) => Buffer.from(requestHash(request)).toString('hex');

/** The same message, with every map filled in the opposite order. */
function turnedRound<T>(part: T): T {
  if (Array.isArray(part)) return part.map(turnedRound) as T; // of the same type
  if (typeof part !== 'object' || part === null || part instanceof Uint8Array) return part;
  const entries = Object.entries(part).map(([key, value]) => [key, turnedRound(value)] as const);
  return Object.fromEntries(entries.toReversed()) as T; // the same keys and values
}

describe('the hash of a request', () => {
  it('is the same whatever the order in which fields were set', () => {
    fc.assert(
      fc.property(transaction, (request) => {
        expect(hex(turnedRound(request))).toBe(hex(request));
      }),
    );
  });

  it('is the same after the wire', () => {
    fc.assert(
      fc.property(transaction, (request) => {
        const received = fromBinary(TransactionSchema, toBinary(TransactionSchema, request));
        expect(hex(received)).toBe(hex(request));
      }),
    );
  });

  it('differs where two requests differ', () => {
    const plain = (request: Transaction) =>
      JSON.stringify(request, (_, part: unknown) => {
        if (typeof part === 'bigint') return `${part}n`;
        if (Object.is(part, -0)) return '-0';
        return part instanceof Uint8Array ? [...part] : part;
      });
    fc.assert(
      fc.property(transaction, transaction, (a, b) => {
        expect(hex(a) === hex(b)).toBe(plain(a) === plain(b));
      }),
    );
  });

  it('differs after any change to any part', () => {
    fc.assert(
      fc.property(transaction, fc.nat(), (request, pick) => {
        const leaves = leavesOf(request);
        fc.pre(leaves.length > 0);
        const changed = structuredClone(request);
        const [path, value] = leaves[pick % leaves.length]!;
        setAt(changed, path, otherThan(value));
        expect(hex(changed)).not.toBe(hex(request));
      }),
      { numRuns: 500 },
    );
  });

  it('tells an absent field from an empty one, and 0 from ""', () => {
    const hashes = [{}, { str: '' }, { int: 0n }, { bool: false }, { float: 0 }, { float: -0 }].map(
      (field) => {
        const [kind] = Object.entries(field).map(([name, value]) => ({ case: name, value }));
        const fields = kind ? { 1: { $typeName: 'entdb.v1.Value', kind } } : {};
        const value = {
          $typeName: 'entdb.v1.UpdateNode',
          typeId: 1,
          id: 'n',
          set: fields,
          clear: [],
        };
        const op = { case: 'updateNode', value };
        return hex({
          $typeName: 'entdb.v1.Transaction',
          operations: [{ $typeName: 'entdb.v1.Operation', op }],
          preconditions: [],
        } as Transaction); // kinds are built by name
      },
    );
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe('the request hash of a restore in place', () => {
  const hex = (tenantId: string, sequence: number, offset: number) =>
    Buffer.from(restoreRequestHash(tenantId, { sequence, offset })).toString('hex');

  it('is the same in every version', () => {
    expect(hex('acme', 7, 42)).toBe(
      '748df32c2c2be6f46e935980843c435fc631fdaa51e518ee126aec7e2998a31d',
    );
  });

  it('tells tenants and records apart', () => {
    const hashes = [hex('acme', 7, 42), hex('acme', 74, 2), hex('acme', 7, 43), hex('acm', 7, 42)];
    expect(new Set(hashes).size).toBe(4);
  });
});

type Path = readonly string[];

function leavesOf(part: unknown, path: Path = []): readonly (readonly [Path, unknown])[] {
  const name = path.at(-1);
  if (name === '$typeName' || name === 'case' || name === 'onConflict') return [];
  if (typeof part !== 'object' || part === null || part instanceof Uint8Array)
    return [[path, part]];
  return Object.entries(part).flatMap(([key, value]) => leavesOf(value, [...path, key]));
}

function setAt(root: unknown, path: Path, value: unknown): void {
  const holder = path
    .slice(0, -1)
    .reduce((part, key) => (part as Record<string, unknown>)[key], root);
  (holder as Record<string, unknown>)[path.at(-1)!] = value;
}

function otherThan(value: unknown): unknown {
  if (typeof value === 'string') return `${value}x`;
  if (typeof value === 'bigint') return value === 1n ? 2n : 1n;
  if (typeof value === 'boolean') return !value;
  if (typeof value === 'number') return value === 1 ? 2 : 1;
  return Buffer.concat([value as Uint8Array, Buffer.of(1)]); // what is left is bytes
}
