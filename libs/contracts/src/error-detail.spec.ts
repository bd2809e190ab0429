import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { EntError, errorCodes, type ErrorCode } from '@entdb/base';
import { errorFromDetail, errorToDetail } from './error-detail.ts';
import { ErrorDetailSchema } from './gen/entdb/v1/value_pb.ts';
import { positionFromWire, positionToWire } from './position.ts';
import { codeOf } from './testing/refusal.ts';

describe('an error on the wire', () => {
  const facts = {
    field: 'operations[0]',
    hint: 'try this',
    tenantId: 'acme',
    position: { topic: 'entdb-wal', partition: 3, offset: 0, epoch: 1 },
    retryAfterMs: 250,
    metadata: { owner: 'http://b' },
  };

  it.each(Object.keys(errorCodes) as ErrorCode[])('says all that %s said', (code) => {
    const detail = errorToDetail(new EntError(code, 'why', facts));
    const received = errorFromDetail(
      fromBinary(ErrorDetailSchema, toBinary(ErrorDetailSchema, detail)),
    );
    expect([received.code, received.message, received.facts]).toEqual([code, 'why', facts]);
  });

  it('without facts has none', () => {
    expect(errorFromDetail(errorToDetail(new EntError('INTERNAL', 'why'))).facts).toEqual({});
  });

  it.each(['LATER_CODE', 'toString', '__proto__', ''])(
    'keeps the name of the code %j, which is not known here',
    (code) => {
      const error = errorFromDetail({ ...errorToDetail(new EntError('INTERNAL', 'why')), code });
      expect([error.code, error.message]).toEqual(['INTERNAL', `${code}: why`]);
    },
  );
});

describe('a position', () => {
  it.each([0, 1, Number.MAX_SAFE_INTEGER])('with offset %d comes back', (offset) => {
    const position = { topic: 't', partition: 2, offset, epoch: 7 };
    expect(positionFromWire(positionToWire(position))).toEqual(position);
  });

  it.each([-1n, 2n ** 53n, 2n ** 63n - 1n])('with offset %d is refused', (offset) => {
    const wire = { ...positionToWire({ topic: 't', partition: 2, offset: 0, epoch: 0 }), offset };
    expect(codeOf(() => positionFromWire(wire))).toBe('INVALID_POSITION');
  });
});
