import * as fc from 'fast-check';
import { resultFromJson, verdictToJson, type Verdict } from './result-json.ts';
import { text } from './testing/arbitrary.ts';
import { sampleVerdicts } from './testing/samples.ts';
import { codeOf } from './testing/refusal.ts';

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const optional = { requiredKeys: ['changed'] as const };
const operation = fc.record(
  { id: text, changed: fc.boolean(), deletedIds: fc.array(text) },
  optional as never,
);
const metadata = fc.dictionary(
  text.filter((key) => key !== '__proto__'),
  text,
);
const error = fc.record(
  { code: text, message: text, field: text, hint: text, metadata },
  { requiredKeys: ['code', 'message'] },
);
const verdict: fc.Arbitrary<Verdict> = fc.record({
  position: fc.record({ topic: text, partition: count, offset: count, epoch: count }),
  appliedAtUs: count,
  outcome: fc.oneof(
    fc.record({ case: fc.constant('applied' as const), operations: fc.array(operation) }),
    fc.record({ case: fc.constant('rejected' as const), error }),
  ),
});

describe('a stored result', () => {
  it('says on the wire what was judged', () => {
    fc.assert(
      fc.property(verdict, (judged) => {
        const result = resultFromJson(verdictToJson(judged), 'acme');
        expect(result.appliedAtUs).toBe(BigInt(judged.appliedAtUs));
        expect(result.position?.offset).toBe(BigInt(judged.position.offset));
        if (judged.outcome.case === 'applied') {
          expect(result.outcome.value).toMatchObject({
            operations: judged.outcome.operations.map(({ id = '', changed, deletedIds = [] }) => ({
              id,
              changed,
              deletedIds,
              deletedCount: deletedIds.length,
            })),
          });
        } else {
          const { metadata: facts = {}, ...rest } = judged.outcome.error;
          expect(result.outcome.value).toMatchObject({ ...rest, tenantId: 'acme' });
          expect(result.outcome.value).toHaveProperty('metadata', facts);
        }
      }),
    );
  });

  it('has one text, whatever the order of keys it was built in', () => {
    const metadataIn = (entries: readonly (readonly [string, string])[]): string =>
      verdictToJson({
        outcome: {
          error: { metadata: Object.fromEntries(entries), message: 'm', code: 'c' },
          case: 'rejected',
        },
        appliedAtUs: 1,
        position: { epoch: 1, offset: 2, partition: 3, topic: 't' },
      });
    expect(
      metadataIn([
        ['b', '1'],
        ['a', '2'],
      ]),
    ).toBe(
      '{"position":{"topic":"t","partition":3,"offset":2,"epoch":1},"applied_at_us":1,' +
        '"rejected":{"code":"c","message":"m","metadata":{"a":"2","b":"1"}}}',
    );
  });

  it('of a later version may say more', () => {
    const json = JSON.parse(verdictToJson(sampleVerdicts.applied!)) as object;
    const result = resultFromJson(JSON.stringify({ ...json, later: [1] }), 'acme');
    expect(result.outcome.case).toBe('applied');
  });

  const head = '"position":{"topic":"t","partition":0,"offset":0,"epoch":0},"applied_at_us":1';
  it.each([
    '',
    'null',
    '[]',
    '{}',
    `{${head}}`,
    `{${head},"applied":null}`,
    `{${head},"applied":{}}`,
    `{${head},"applied":{"operations":[{}]}}`,
    `{${head},"applied":{"operations":[{"changed":1}]}}`,
    `{${head},"applied":{"operations":[{"changed":true,"id":7}]}}`,
    `{${head},"applied":{"operations":[{"changed":true,"deleted_ids":"a"}]}}`,
    `{${head},"applied":{"operations":[]},"rejected":{"code":"c","message":"m"}}`,
    `{${head},"rejected":{"code":"c"}}`,
    `{${head},"rejected":{"code":"c","message":"m","metadata":{"a":1}}}`,
    `{${head.replace('"offset":0', '"offset":-1')},"applied":{"operations":[]}}`,
    `{${head.replace('"offset":0', '"offset":0.5')},"applied":{"operations":[]}}`,
    `{${head.replace('_us":1', '_us":"1"')},"applied":{"operations":[]}}`,
    `{"applied_at_us":1,"applied":{"operations":[]}}`,
  ])('is damaged when it is %s', (json) => {
    expect(codeOf(() => resultFromJson(json, 'acme'))).toBe('STORE_CORRUPT');
  });
});
