import fc from 'fast-check';
import { exactJson, isJsonText, quoteLargeIntegers } from './json-text.ts';

const read = async (chunks: readonly Uint8Array[], bytesMax = 1_000) => {
  const parts: Uint8Array[] = [];
  const source = (async function* () {
    yield* chunks;
  })();
  for await (const part of exactJson(source, bytesMax)) parts.push(part);
  return Buffer.concat(parts).toString();
};

describe('integers beyond 2^53 in JSON', () => {
  it.each([
    ['{"int":9007199254740993}', '{"int":"9007199254740993"}'],
    ['[-9223372036854775808, 9007199254740991]', '["-9223372036854775808", 9007199254740991]'],
    ['{"9007199254740993":1}', '{"9007199254740993":1}'],
    [
      '{"a":"\\"9007199254740993","b":9007199254740993}',
      '{"a":"\\"9007199254740993","b":"9007199254740993"}',
    ],
    [
      '[1e300, 9007199254740993.5, 90071992547409930e1]',
      '[1e300, 9007199254740993.5, 90071992547409930e1]',
    ],
  ])('%s', (text, exact) => {
    expect(quoteLargeIntegers(text)).toBe(exact);
  });

  it('come out exact, and every other JSON as it was', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        (value, int) => {
          const text = `{"value":${JSON.stringify(value)},"int":${int}}`;
          const parsed = JSON.parse(quoteLargeIntegers(text)) as {
            value: unknown;
            int: string | number;
          };
          expect(BigInt(parsed.int)).toBe(int);
          if (!/\d{16}/.test(JSON.stringify(value)))
            expect(parsed.value).toEqual(JSON.parse(JSON.stringify(value)));
        },
      ),
    );
  });
});

describe('a JSON body', () => {
  it('is text only where nothing is around it', () => {
    const header = (type: string, encoding?: string) =>
      new Headers({
        'content-type': type,
        ...(encoding !== undefined && { 'content-encoding': encoding }),
      });
    expect(isJsonText(header('application/json; charset=utf-8'))).toBe(true);
    expect(isJsonText(header('application/json', 'gzip'))).toBe(false);
    expect(isJsonText(header('application/connect+json'))).toBe(false);
    expect(isJsonText(header('application/proto'))).toBe(false);
  });

  it('may be cut in the middle of a character', async () => {
    const bytes = Buffer.from('{"str":"日本"}');
    expect(await read([...bytes].map((byte) => Uint8Array.of(byte)))).toBe('{"str":"日本"}');
  });

  it('is refused where it is no UTF-8', async () => {
    await expect(
      read([Buffer.from('{"str":"'), Uint8Array.of(0xff), Buffer.from('"}')]),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(read([Buffer.from('"日').subarray(0, 3)])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it('is passed on as it is where it is too long', async () => {
    expect(await read([Buffer.from('[90071992547'), Buffer.from('40993]')], 15)).toBe(
      '[9007199254740993]',
    );
  });
});
