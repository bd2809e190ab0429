/**
 * Method: one request with a message of every type that a transaction may hold, as the contract itself lists them; each of its messages in turn gets a
 * field from the future.
 */
import {
  fromBinary,
  toBinary,
  type DescMessage,
  type Message,
  type MessageInitShape,
} from '@bufbuild/protobuf';
import { EntError } from '@entdb/base';
import {
  createIdMint,
  ExecuteAtomicRequestSchema,
  type FilterSchema,
  Operator,
  TransactionSchema,
  val,
  type ExecuteAtomicRequest,
} from '@entdb/contracts';
import {
  createEdge,
  createNode,
  deleteEdge,
  deleteNode,
  deleteWhere,
  markRead,
  requestOf,
  updateNode,
} from '../testing/requests.ts';
import { resolveTransaction } from './transaction.ts';

const fields = { 1: val.str(''), 2: val.list([val.int(1)]) };
const delivery = { userIds: ['u'] };
const compare = { fieldId: 1, operator: Operator.IN, values: [val.int(1)] };
type FilterInit = MessageInitShape<typeof FilterSchema>;
const comparison: FilterInit = { expression: { case: 'compare', value: compare } };
const filter: FilterInit = {
  expression: {
    case: 'and',
    value: {
      filters: [
        comparison,
        { expression: { case: 'not', value: comparison } },
        { expression: { case: 'or', value: { filters: [comparison] } } },
      ],
    },
  },
};

const everything = (): ExecuteAtomicRequest =>
  requestOf({
    operations: [
      createNode({ typeId: 1, fields, delivery }),
      updateNode({ typeId: 1, id: 'x', set: fields, delivery }),
      deleteNode({ typeId: 1, id: 'x' }),
      createEdge({ typeId: 1, fromId: 'x', toId: 'y', fields }),
      deleteEdge({ typeId: 1, fromId: 'x', toId: 'y' }),
      deleteWhere({ typeId: 1, filter }),
      markRead({ userId: 'u' }),
    ],
    preconditions: [{ typeId: 1, nodeId: 'x', equals: fields }],
  });

/** Every message below one, once for each place where it stands. */
function messagesIn(part: unknown): readonly Message[] {
  if (typeof part !== 'object' || part === null) return [];
  const below = Object.values(part).flatMap(messagesIn);
  return '$typeName' in part ? [part as Message, ...below] : below;
}

/** The names of all message types that one of this type may hold. */
function typesBelow(type: DescMessage, found = new Set<string>()): ReadonlySet<string> {
  for (const { message } of type.fields.map((field) =>
    'message' in field ? field : { message: undefined },
  )) {
    if (!message || found.has(message.typeName)) continue;
    typesBelow(message, found.add(message.typeName));
  }
  return found;
}

/** Values are shared between operations above; on arrival each place has its own. */
const overTheWire = (request: ExecuteAtomicRequest) =>
  fromBinary(ExecuteAtomicRequestSchema, toBinary(ExecuteAtomicRequestSchema, request));

const resolve = (request: ExecuteAtomicRequest) =>
  resolveTransaction(request, createIdMint('acme', 'key-1'));

describe('fields that this version does not know', () => {
  it('are refused in whichever message they stand, and with its path', () => {
    const count = messagesIn(everything()).length;
    const spoilt = new Set<string>();
    for (let n = 1; n < count; n += 1) {
      const request = overTheWire(everything());
      const message = messagesIn(request)[n];
      if (!message) throw new Error('the request has become smaller');
      resolve(request);
      message.$unknown = [{ no: 99, wireType: 0, data: Uint8Array.of(1) }];
      let fault: unknown;
      try {
        resolve(request);
      } catch (error) {
        fault = error;
      }
      expect([message.$typeName, fault]).toEqual([message.$typeName, expect.any(EntError)]);
      expect(fault).toMatchObject({
        code: 'INVALID_ARGUMENT',
        facts: { field: expect.stringMatching(/^(operations|preconditions)\[\d\]/) },
      });
      spoilt.add(message.$typeName);
    }
    expect(spoilt).toEqual(typesBelow(TransactionSchema));
  });
});
