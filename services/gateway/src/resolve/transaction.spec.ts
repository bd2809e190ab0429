/** Method: random transactions with aliases in every place, resolved twice, and compared with what the aliases mean. */
import { toBinary } from '@bufbuild/protobuf';
import { createIdMint, TransactionSchema, val, type Value } from '@entdb/contracts';
import fc from 'fast-check';
import { resolveTransaction } from './transaction.ts';
import {
  createEdge,
  createNode,
  deleteNode,
  markRead,
  updateNode,
  requestOf,
  type OperationInit,
} from '../testing/requests.ts';

const mint = createIdMint('acme', 'key-1');

/** Creates with aliases $0, $1, …, each followed by steps that may use any alias so far. */
const story = fc.array(
  fc.record({
    explicit: fc.option(fc.stringMatching(/^[a-z]{1,8}$/), { nil: undefined }),
    steps: fc.array(
      fc.record({ kind: fc.constantFrom('update', 'edge', 'delete', 'mark'), pick: fc.nat() }),
      { maxLength: 4 },
    ),
  }),
  { minLength: 1, maxLength: 6 },
);

describe('resolving', () => {
  it('puts the id of the right node in place of each alias, and leaves none', () => {
    fc.assert(
      fc.property(story, (chapters) => {
        const operations: OperationInit[] = [];
        const expected: string[] = [];
        const idOf: string[] = [];
        chapters.forEach(({ explicit, steps }, n) => {
          idOf.push(explicit ?? mint.idAt(operations.length));
          expected.push(idOf[n]!);
          operations.push(createNode({ alias: `$${n}`, typeId: 1, id: explicit ?? '' }));
          for (const { kind, pick } of steps) {
            const alias = `$${pick % (n + 1)}`;
            expected.push(idOf[pick % (n + 1)]!);
            if (kind === 'update')
              operations.push(
                updateNode({
                  typeId: 1,
                  id: alias,
                  set: { 1: val.ref(alias), 2: val.list([val.ref('plain'), val.ref(alias)]) },
                }),
              );
            if (kind === 'edge')
              operations.push(createEdge({ typeId: 2, fromId: alias, toId: alias }));
            if (kind === 'delete') operations.push(deleteNode({ typeId: 1, id: alias }));
            if (kind === 'mark') operations.push(markRead({ userId: 'u', nodeIds: [alias] }));
          }
        });
        const request = requestOf({ operations });
        const { transaction, ids } = resolveTransaction(request, mint);

        transaction.operations.forEach(({ op: { case: kind, value } }, i) => {
          const id = expected[i];
          if (kind === 'createNode') expect([value.id, value.alias, ids[i]]).toEqual([id, '', id]);
          else expect(ids[i]).toBe('');
          if (kind === 'updateNode')
            expect([value.id, refsIn(value.set[1]!), refsIn(value.set[2]!)]).toEqual([
              id,
              [id],
              ['plain', id],
            ]);
          if (kind === 'createEdge') expect([value.fromId, value.toId]).toEqual([id, id]);
          if (kind === 'deleteNode') expect(value.id).toBe(id);
          if (kind === 'markRead') expect(value.nodeIds).toEqual([id]);
        });
        const again = resolveTransaction(requestOf({ operations }), createIdMint('acme', 'key-1'));
        expect(toBinary(TransactionSchema, again.transaction)).toEqual(
          toBinary(TransactionSchema, transaction),
        );
      }),
    );
  });

  it('does not change the request', () => {
    const request = requestOf({
      operations: [
        createNode({ alias: '$a', typeId: 1 }),
        updateNode({ typeId: 1, id: '$a', set: { 1: val.ref('$a') } }),
      ],
    });
    const before = structuredClone(request);
    resolveTransaction(request, mint);
    expect(request).toEqual(before);
  });
});

function refsIn({ kind }: Value): readonly unknown[] {
  return kind.case === 'list' ? kind.value.values.map((item) => item.kind.value) : [kind.value];
}
