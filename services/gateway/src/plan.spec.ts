/**
 * Method: one row for each thing that can be wrong with a request: what is spoilt, which code comes, and which part it names. Each row starts
 * from a request that is good, which is shown first.
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { EntError, type ErrorCode } from '@entdb/base';
import {
  compileSchema,
  CreateNodeSchema,
  type ExecuteAtomicRequestSchema,
  Operator,
  val,
  type ExecuteAtomicRequest,
} from '@entdb/contracts';
import { planTransaction } from './plan.ts';
import {
  createEdge,
  type OperationInit,
  createNode,
  deleteEdge,
  deleteNode,
  deleteWhere,
  markRead,
  updateNode,
  requestOf,
  testFingerprint,
  testLimits,
  testSchema,
} from './testing/requests.ts';

type Init = MessageInitShape<typeof ExecuteAtomicRequestSchema>;

const schema = compileSchema(testSchema);
const schemaOf = ({ schemaFingerprint }: ExecuteAtomicRequest) =>
  schemaFingerprint === testFingerprint ? schema : undefined;
const plan = (request: ExecuteAtomicRequest) => planTransaction(request, schemaOf, testLimits);

function faultOf(request: ExecuteAtomicRequest): {
  readonly code: ErrorCode;
  readonly field: string | undefined;
} {
  try {
    plan(request);
  } catch (error) {
    if (error instanceof EntError) return { code: error.code, field: error.facts.field };
    throw error;
  }
  throw new Error('the request was found good');
}

const ada = createNode({ alias: '$ada', typeId: 1, fields: { 1: val.str('Ada') } });
const team = createNode({ alias: '$team', typeId: 2 });
const named = { schemaFingerprint: testFingerprint };
const ill = '\ud800';

const good: readonly (readonly [string, Init])[] = [
  ['a create without a schema', {}],
  ['a create with one', named],
  ['a key of 256 characters', { idempotencyKey: 'k'.repeat(256) }],
  [
    'as many operations as there may be',
    {
      operations: Array(5)
        .fill(ada)
        .map(() => createNode({ typeId: 1 })),
    },
  ],
  [
    'aliases in every place',
    {
      ...named,
      operations: [
        ada,
        team,
        createEdge({ typeId: 10, fromId: '$ada', toId: '$team' }),
        updateNode({
          typeId: 1,
          id: '$ada',
          set: { 5: val.ref('$ada'), 7: val.list([val.ref('$team')]) },
        }),
        markRead({ userId: 'u', nodeIds: ['$ada'] }),
      ],
    },
  ],
  [
    'an alias in a filter',
    {
      operations: [
        ada,
        deleteWhere({
          typeId: 1,
          filter: {
            expression: {
              case: 'not',
              value: {
                expression: {
                  case: 'compare',
                  value: { fieldId: 5, operator: Operator.EQ, values: [val.ref('$ada')] },
                },
              },
            },
          },
        }),
      ],
    },
  ],
  [
    'two creates of one id: the state decides',
    { operations: ['x', 'x'].map((id) => createNode({ typeId: 1, id })) },
  ],
  [
    '0, "" and false',
    {
      operations: [
        createNode({ typeId: 1, fields: { 1: val.str(''), 2: val.int(0), 3: val.bool(false) } }),
      ],
    },
  ],
  [
    'int64 at its edges',
    {
      operations: [
        createNode({ typeId: 1, fields: { 1: val.int(-(2n ** 63n)), 2: val.int(2n ** 63n - 1n) } }),
      ],
    },
  ],
];

const bad: readonly (readonly [string, Init, ErrorCode, string])[] = [
  ['no tenant', { tenantId: '' }, 'INVALID_TENANT_ID', 'tenant_id'],
  ['a path as tenant', { tenantId: '../etc' }, 'INVALID_TENANT_ID', 'tenant_id'],
  [
    'a tenant that a repair would make another',
    { tenantId: 'tenant!a' },
    'INVALID_TENANT_ID',
    'tenant_id',
  ],
  ['no key', { idempotencyKey: '' }, 'INVALID_IDEMPOTENCY_KEY', 'idempotency_key'],
  [
    'a key too long',
    { idempotencyKey: 'k'.repeat(257) },
    'INVALID_IDEMPOTENCY_KEY',
    'idempotency_key',
  ],
  ['an ill-formed key', { idempotencyKey: ill }, 'INVALID_IDEMPOTENCY_KEY', 'idempotency_key'],
  ['a NUL in the key', { idempotencyKey: 'a\0b' }, 'INVALID_IDEMPOTENCY_KEY', 'idempotency_key'],
  ['a wait that is not there', { wait: 9 as never }, 'INVALID_ARGUMENT', 'wait'],
  ['no operation', { operations: [] }, 'EMPTY_TRANSACTION', 'operations'],
  [
    'too many operations',
    { operations: Array<typeof ada>(6).fill(ada) },
    'TOO_MANY_OPERATIONS',
    'operations',
  ],
  [
    'too many preconditions',
    { preconditions: Array(6).fill({ typeId: 1, nodeId: 'x' }) },
    'TOO_MANY_OPERATIONS',
    'preconditions',
  ],
  ['an operation that is none', { operations: [ada, {}] }, 'INVALID_OPERATION', 'operations[1]'],

  [
    'an alias without $',
    { operations: [createNode({ alias: 'ada', typeId: 1 })] },
    'INVALID_OPERATION',
    'operations[0].create_node.alias',
  ],
  [
    'an alias of $ alone',
    { operations: [createNode({ alias: '$', typeId: 1 })] },
    'INVALID_OPERATION',
    'operations[0].create_node.alias',
  ],
  [
    'an alias twice',
    { operations: [ada, ada] },
    'DUPLICATE_ALIAS',
    'operations[1].create_node.alias',
  ],
  [
    'an alias of nowhere',
    { operations: [deleteNode({ typeId: 1, id: '$bob' })] },
    'UNKNOWN_ALIAS',
    'operations[0].delete_node.id',
  ],
  [
    'an alias of later',
    { operations: [updateNode({ typeId: 1, id: '$ada' }), ada] },
    'UNKNOWN_ALIAS',
    'operations[0].update_node.id',
  ],
  [
    'its own alias in its own ref',
    { operations: [createNode({ alias: '$a', typeId: 1, fields: { 5: val.ref('$a') } })] },
    'UNKNOWN_ALIAS',
    'operations[0].create_node.fields[5]',
  ],
  [
    'an unknown alias in a ref',
    { operations: [updateNode({ typeId: 1, id: 'x', set: { 5: val.ref('$b') } })] },
    'UNKNOWN_ALIAS',
    'operations[0].update_node.set[5]',
  ],
  [
    'an unknown alias in a list of refs',
    {
      operations: [
        createEdge({
          typeId: 10,
          fromId: 'x',
          toId: 'y',
          fields: { 7: val.list([val.ref('x'), val.ref('$b')]) },
        }),
      ],
    },
    'UNKNOWN_ALIAS',
    'operations[0].create_edge.fields[7][1]',
  ],
  [
    'an unknown alias at an edge',
    { operations: [createEdge({ typeId: 10, fromId: 'x', toId: '$b' })] },
    'UNKNOWN_ALIAS',
    'operations[0].create_edge.to_id',
  ],
  [
    'an unknown alias at a deleted edge',
    { operations: [deleteEdge({ typeId: 10, fromId: '$b', toId: 'y' })] },
    'UNKNOWN_ALIAS',
    'operations[0].delete_edge.from_id',
  ],
  [
    'an unknown alias to mark',
    { operations: [markRead({ userId: 'u', nodeIds: ['x', '$b'] })] },
    'UNKNOWN_ALIAS',
    'operations[0].mark_read.node_ids[1]',
  ],
  [
    'a precondition on an alias',
    { operations: [ada], preconditions: [{ typeId: 1, nodeId: '$ada' }] },
    'UNKNOWN_ALIAS',
    'preconditions[0].node_id',
  ],
  [
    'a precondition that equals an alias',
    {
      operations: [ada],
      preconditions: [{ typeId: 1, nodeId: 'x', equals: { 5: val.ref('$ada') } }],
    },
    'UNKNOWN_ALIAS',
    'preconditions[0].equals[5]',
  ],

  [
    'an id that begins as an alias',
    { operations: [createNode({ typeId: 1, id: '$x' })] },
    'INVALID_ID',
    'operations[0].create_node.id',
  ],
  [
    'an id too long',
    { operations: [createNode({ typeId: 1, id: 'i'.repeat(257) })] },
    'INVALID_ID',
    'operations[0].create_node.id',
  ],
  [
    'an update of nobody',
    { operations: [updateNode({ typeId: 1 })] },
    'INVALID_ID',
    'operations[0].update_node.id',
  ],
  [
    'a deletion of nobody',
    { operations: [deleteNode({ typeId: 1 })] },
    'INVALID_ID',
    'operations[0].delete_node.id',
  ],
  [
    'an edge from nobody',
    { operations: [createEdge({ typeId: 1, toId: 'x' })] },
    'INVALID_ID',
    'operations[0].create_edge.from_id',
  ],
  [
    'an edge to nobody',
    { operations: [deleteEdge({ typeId: 1, fromId: 'x' })] },
    'INVALID_ID',
    'operations[0].delete_edge.to_id',
  ],
  [
    'an ill-formed id',
    { operations: [deleteNode({ typeId: 1, id: ill })] },
    'INVALID_ID',
    'operations[0].delete_node.id',
  ],
  [
    'a precondition on nobody',
    { preconditions: [{ typeId: 1 }] },
    'INVALID_ID',
    'preconditions[0].node_id',
  ],
  [
    'a ref to nobody',
    { operations: [createNode({ typeId: 1, fields: { 5: val.ref('') } })] },
    'INVALID_ID',
    'operations[0].create_node.fields[5]',
  ],

  [
    'no type',
    { operations: [createNode({})] },
    'UNKNOWN_TYPE',
    'operations[0].create_node.type_id',
  ],
  [
    'no type of a precondition',
    { preconditions: [{ nodeId: 'x' }] },
    'UNKNOWN_TYPE',
    'preconditions[0].type_id',
  ],
  [
    'an unknown node type',
    { ...named, operations: [createNode({ typeId: 9 })] },
    'UNKNOWN_TYPE',
    'operations[0].create_node.type_id',
  ],
  [
    'a node type for an edge',
    { ...named, operations: [createEdge({ typeId: 1, fromId: 'x', toId: 'y' })] },
    'UNKNOWN_TYPE',
    'operations[0].create_edge.type_id',
  ],
  [
    'an unknown field',
    { ...named, operations: [createNode({ typeId: 2, fields: { 9: val.int(1) } })] },
    'UNKNOWN_FIELD',
    'operations[0].create_node.fields[9]',
  ],
  [
    'field 0',
    { operations: [createNode({ typeId: 2, fields: { 0: val.int(1) } })] },
    'UNKNOWN_FIELD',
    'operations[0].create_node.fields[0]',
  ],
  [
    'field 0 to clear',
    { operations: [updateNode({ typeId: 2, id: 'x', clear: [0] })] },
    'UNKNOWN_FIELD',
    'operations[0].update_node.clear[0]',
  ],
  [
    'an unknown field to clear',
    { ...named, operations: [updateNode({ typeId: 2, id: 'x', clear: [9] })] },
    'UNKNOWN_FIELD',
    'operations[0].update_node.clear[0]',
  ],
  [
    'an unknown field of a precondition',
    { ...named, preconditions: [{ typeId: 2, nodeId: 'x', absent: [9] }] },
    'UNKNOWN_FIELD',
    'preconditions[0].absent[0]',
  ],
  [
    'another kind',
    { ...named, operations: [createNode({ typeId: 1, fields: { 1: val.int(1) } })] },
    'WRONG_KIND',
    'operations[0].create_node.fields[1]',
  ],
  [
    'a value for a list',
    { ...named, operations: [updateNode({ typeId: 1, id: 'x', set: { 6: val.str('a') } })] },
    'WRONG_KIND',
    'operations[0].update_node.set[6]',
  ],
  [
    'another kind in an edge',
    {
      ...named,
      operations: [createEdge({ typeId: 10, fromId: 'x', toId: 'y', fields: { 1: val.str('') } })],
    },
    'WRONG_KIND',
    'operations[0].create_edge.fields[1]',
  ],
  [
    'another kind in a precondition',
    { ...named, preconditions: [{ typeId: 1, nodeId: 'x', equals: { 2: val.float(1) } }] },
    'WRONG_KIND',
    'preconditions[0].equals[2]',
  ],
  [
    'a required field left out',
    { ...named, operations: [createNode({ typeId: 1 })] },
    'REQUIRED_FIELD',
    'operations[0].create_node.fields',
  ],
  [
    'a required field cleared',
    { ...named, operations: [updateNode({ typeId: 1, id: 'x', clear: [1] })] },
    'REQUIRED_FIELD',
    'operations[0].update_node.clear[0]',
  ],
  [
    'an enum value that is not there',
    { ...named, operations: [updateNode({ typeId: 1, id: 'x', set: { 4: val.enum('root') } })] },
    'UNKNOWN_ENUM_VALUE',
    'operations[0].update_node.set[4]',
  ],

  [
    'NaN',
    { operations: [createNode({ typeId: 1, fields: { 3: val.float(NaN) } })] },
    'INVALID_VALUE',
    'operations[0].create_node.fields[3]',
  ],
  [
    'an infinity',
    { operations: [updateNode({ typeId: 1, id: 'x', set: { 3: val.float(-Infinity) } })] },
    'INVALID_VALUE',
    'operations[0].update_node.set[3]',
  ],
  [
    'NaN in a list',
    {
      operations: [
        createNode({ typeId: 1, fields: { 3: val.list([val.float(1), val.float(NaN)]) } }),
      ],
    },
    'INVALID_VALUE',
    'operations[0].create_node.fields[3][1]',
  ],
  [
    'ill-formed text',
    { operations: [createNode({ typeId: 1, fields: { 1: val.str(ill) } })] },
    'INVALID_VALUE',
    'operations[0].create_node.fields[1]',
  ],
  [
    'text that is not JSON',
    { operations: [createNode({ typeId: 1, fields: { 1: val.json('{') } })] },
    'INVALID_VALUE',
    'operations[0].create_node.fields[1]',
  ],
  [
    'a value of no kind',
    { operations: [createNode({ typeId: 1, fields: { 1: {} } })] },
    'INVALID_VALUE',
    'operations[0].create_node.fields[1]',
  ],
  [
    'a list of two kinds',
    { operations: [createNode({ typeId: 1, fields: { 1: val.list([val.int(1), val.str('')]) } })] },
    'INVALID_VALUE',
    'operations[0].create_node.fields[1][1]',
  ],
  [
    'a list in a list',
    { operations: [createNode({ typeId: 1, fields: { 1: val.list([val.list([])]) } })] },
    'INVALID_VALUE',
    'operations[0].create_node.fields[1][0]',
  ],
  [
    'more than 64 bits',
    { operations: [createNode({ typeId: 1, fields: { 1: val.int(2n ** 63n) } })] },
    'INVALID_VALUE',
    'operations[0].create_node.fields[1]',
  ],

  [
    'a field set and cleared',
    { operations: [updateNode({ typeId: 1, id: 'x', set: { 2: val.int(1) }, clear: [3, 2] })] },
    'INVALID_OPERATION',
    'operations[0].update_node.clear[1]',
  ],
  [
    'an on_conflict that is not there',
    { operations: [createNode({ typeId: 1, onConflict: 7 as never })] },
    'INVALID_OPERATION',
    'operations[0].create_node.on_conflict',
  ],
  [
    'an on_conflict of an edge that is not there',
    { operations: [createEdge({ typeId: 1, fromId: 'x', toId: 'y', onConflict: 7 as never })] },
    'INVALID_OPERATION',
    'operations[0].create_edge.on_conflict',
  ],
  [
    'an ill-formed edge key',
    { operations: [createEdge({ typeId: 1, fromId: 'x', toId: 'y', key: ill })] },
    'INVALID_OPERATION',
    'operations[0].create_edge.key',
  ],
  [
    'an edge key too long',
    { operations: [deleteEdge({ typeId: 1, fromId: 'x', toId: 'y', key: 'k'.repeat(257) })] },
    'INVALID_OPERATION',
    'operations[0].delete_edge.key',
  ],
  [
    'delivery to nobody',
    { operations: [createNode({ typeId: 1, delivery: { threadId: 't' } })] },
    'INVALID_OPERATION',
    'operations[0].create_node.delivery.user_ids',
  ],
  [
    'delivery to an empty name',
    { operations: [updateNode({ typeId: 1, id: 'x', delivery: { userIds: ['u', ''] } })] },
    'INVALID_OPERATION',
    'operations[0].update_node.delivery.user_ids[1]',
  ],
  [
    'delivery of ill-formed text',
    { operations: [createNode({ typeId: 1, delivery: { userIds: ['u'], snippet: ill } })] },
    'INVALID_OPERATION',
    'operations[0].create_node.delivery.snippet',
  ],
  [
    'a mark of nobody',
    { operations: [markRead({ nodeIds: ['x'] })] },
    'INVALID_OPERATION',
    'operations[0].mark_read.user_id',
  ],
  [
    'a node that is absent and has a version',
    { preconditions: [{ typeId: 1, nodeId: 'x', exists: false, version: 1n }] },
    'INVALID_OPERATION',
    'preconditions[0].exists',
  ],
  [
    'a field that is absent and equal',
    { preconditions: [{ typeId: 1, nodeId: 'x', equals: { 2: val.int(1) }, absent: [2] }] },
    'INVALID_OPERATION',
    'preconditions[0].absent[0]',
  ],

  [
    'an empty filter',
    { operations: [deleteWhere({ typeId: 1, filter: {} })] },
    'INVALID_FILTER',
    'operations[0].delete_where.filter',
  ],
  [
    'a filter on a field that is not there',
    {
      ...named,
      operations: [
        deleteWhere({
          typeId: 1,
          filter: {
            expression: { case: 'compare', value: { fieldId: 99, operator: Operator.EXISTS } },
          },
        }),
      ],
    },
    'UNKNOWN_FIELD',
    'operations[0].delete_where.filter.compare.field_id',
  ],
  [
    'a filter by an operator that is not there',
    {
      operations: [
        deleteWhere({
          typeId: 1,
          filter: {
            expression: {
              case: 'compare',
              value: { fieldId: 1, operator: 77 as never, values: [val.int(1)] },
            },
          },
        }),
      ],
    },
    'INVALID_FILTER',
    'operations[0].delete_where.filter.compare.operator',
  ],

  [
    'an edge to a node of the wrong type',
    { ...named, operations: [ada, createEdge({ typeId: 10, fromId: '$ada', toId: '$ada' })] },
    'REFERENCE_NOT_FOUND',
    'operations[1].create_edge.to_id',
  ],
  [
    'a ref to a node of the wrong type',
    {
      ...named,
      operations: [
        team,
        createNode({ typeId: 1, fields: { 1: val.str('B'), 5: val.ref('$team') } }),
      ],
    },
    'REFERENCE_NOT_FOUND',
    'operations[1].create_node.fields[5]',
  ],
  [
    'a ref in a list to a node of the wrong type',
    {
      ...named,
      operations: [
        ada,
        updateNode({ typeId: 1, id: 'x', set: { 7: val.list([val.ref('$ada')]) } }),
      ],
    },
    'REFERENCE_NOT_FOUND',
    'operations[1].update_node.set[7]',
  ],
  [
    'an update of a created node as another type',
    { operations: [ada, updateNode({ typeId: 2, id: '$ada' })] },
    'TYPE_MISMATCH',
    'operations[1].update_node.type_id',
  ],
];

describe('a request that is good', () => {
  it.each(good)('%s', (_name, init) => {
    expect(plan(requestOf(init)).ids.length).toBe(requestOf(init).operations.length);
  });
});

describe('a request that is bad is refused with code and path', () => {
  it.each(bad)('%s', (_name, init, code, field) => {
    expect(faultOf(requestOf(init))).toEqual({ code, field });
  });

  it.each<[string, (depth: number) => OperationInit, ErrorCode]>([
    ['a filter', deepFilter, 'INVALID_FILTER'],
    ['a list', deepList, 'INVALID_VALUE'],
  ])('%s as deep as a stack', (_name, operation, code) => {
    const request = requestOf();
    request.operations = [operation(50_000) as ExecuteAtomicRequest['operations'][number]];
    expect(faultOf(request).code).toBe(code);
  });
});

function deepFilter(depth: number): OperationInit {
  let expression: object = {
    case: 'compare',
    value: { fieldId: 1, operator: Operator.EXISTS, values: [] },
  };
  for (let n = 0; n < depth; n += 1) expression = { case: 'not', value: { expression } };
  const operation = deleteWhere({ typeId: 1 });
  return withPart(operation, { filter: { expression } });
}

function deepList(depth: number): OperationInit {
  let value = val.int(1);
  for (let n = 0; n < depth; n += 1) value = val.list([value]);
  return withPart(createNode({ typeId: 1, id: 'x' }), { fields: { 1: value } });
}

/** Built by hand, because the library that makes messages of such depth has no stack for them. */
function withPart({ op }: OperationInit, part: object): OperationInit {
  return {
    op: { case: op?.case, value: { ...create(CreateNodeSchema), ...op?.value, ...part } },
  } as OperationInit;
}
