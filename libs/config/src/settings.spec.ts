import { EntError, isEntError } from '@entdb/base';
import fc from 'fast-check';
import { boolean, byteSize, duration, hostPorts, integer, oneOf, port, text } from './kinds.ts';
import {
  combineSettings,
  defineSettings,
  describeSettings,
  parseSettings,
  unknownSettings,
} from './settings.ts';

const words = { sentence: 'A sentence.', example: 'example' };
const spec = defineSettings({
  name: text({ env: 'ENTDB_NAME', ...words }),
  port: port({ env: 'ENTDB_PORT', default: '7070', ...words }),
  wait: duration({}, { env: 'ENTDB_WAIT', default: '5s', ...words }),
  size: byteSize({ max: 1024 ** 2 }, { env: 'ENTDB_SIZE', default: '4KiB', ...words }),
  on: boolean({ env: 'ENTDB_ON', default: 'false', ...words }),
  kind: oneOf(['a', 'b'], { env: 'ENTDB_KIND', default: 'a', ...words }),
  brokers: hostPorts({ env: 'ENTDB_BROKERS', optional: true, ...words }),
  secret: integer(
    { min: 0, max: 9 },
    { env: 'ENTDB_SECRET', default: '1', secret: true, ...words },
  ),
});

const faultOf = (env: Record<string, string>): EntError => {
  try {
    parseSettings(spec, { ENTDB_NAME: 'n', ...env });
  } catch (error) {
    if (error instanceof EntError) return error;
    throw error;
  }
  throw new Error(`no fault in ${JSON.stringify(env)}`);
};

describe('parseSettings', () => {
  it('gives defaults in their own types, frozen', () => {
    const values = parseSettings(spec, { ENTDB_NAME: 'n', ENTDB_PORT: '' });
    expect(values).toEqual({
      name: 'n',
      port: 7070,
      wait: 5000,
      size: 4096,
      on: false,
      kind: 'a',
      brokers: undefined,
      secret: 1,
    });
    expect(Object.isFrozen(values)).toBe(true);
  });

  it('reads what is set', () => {
    const values = parseSettings(spec, {
      ENTDB_NAME: 'n',
      ENTDB_WAIT: '250ms',
      ENTDB_SIZE: '1MiB',
      ENTDB_ON: 'true',
      ENTDB_KIND: 'b',
      ENTDB_BROKERS: 'k-0:9092, k-1:9093',
    });
    expect(values).toMatchObject({
      wait: 250,
      size: 1_048_576,
      on: true,
      kind: 'b',
      brokers: ['k-0:9092', 'k-1:9093'],
    });
  });

  it('reports all faults at once, each with value, rule and example', () => {
    expect.assertions(2);
    try {
      parseSettings(spec, { ENTDB_PORT: '70000', ENTDB_ON: 'yes' });
    } catch (error) {
      expect(isEntError(error, 'INVALID_SETTING')).toBe(true);
      expect((error as EntError).message).toMatchInlineSnapshot(`
        "3 settings are not valid:
          ENTDB_NAME is not set; it must be any text, for example ENTDB_NAME=example
          ENTDB_PORT is "70000"; it must be a whole number from 0 to 65535, for example ENTDB_PORT=example
          ENTDB_ON is "yes"; it must be true or false, for example ENTDB_ON=example"
      `);
    }
  });

  it('never shows a secret', () => {
    const fault = faultOf({ ENTDB_SECRET: 'hunter2' });
    expect(fault.message).toContain('ENTDB_SECRET is a secret');
    expect(JSON.stringify([fault.message, fault.stack, fault.facts])).not.toContain('hunter2');
  });

  it.each([
    ['ENTDB_PORT', ['-1', '65536', '1.5', '1e3', ' 7070', '0x50', '٣']],
    ['ENTDB_WAIT', ['5', '5 s', '-5s', '1.5s', '5S', '25d', 'Infinity']],
    ['ENTDB_SIZE', ['4', '4kb', '2MiB', '-1B', '4MB']],
    ['ENTDB_ON', ['TRUE', '1', 'yes', 'on', '0']],
    ['ENTDB_KIND', ['c', 'A', 'a,b']],
    ['ENTDB_BROKERS', ['kafka', 'kafka:0', 'kafka:70000', '[::1]:9092', 'a:1,,b:2', ',']],
  ])('refuses bad values of %s', (env, values) => {
    for (const value of values)
      expect(faultOf({ [env]: value }).message).toContain(`${env} is ${JSON.stringify(value)}`);
  });

  it('never throws anything but INVALID_SETTING, whatever the text', () => {
    const names = Object.values(spec.settings).map((setting) => setting.env);
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names), fc.string({ unit: 'binary' })),
        (env) => {
          try {
            parseSettings(spec, env);
          } catch (error) {
            expect(isEntError(error, 'INVALID_SETTING')).toBe(true);
          }
        },
      ),
    );
  });
});

describe('specifications', () => {
  it('refuses a default that breaks its own rule', () => {
    expect(() => port({ env: 'ENTDB_X', default: 'http', ...words })).toThrow(
      'the default of ENTDB_X breaks its own rule',
    );
  });

  it('combines groups, and refuses two settings of one variable', () => {
    const other = defineSettings({ more: text({ env: 'ENTDB_MORE', default: 'm', ...words }) });
    expect(parseSettings(combineSettings(spec, other), { ENTDB_NAME: 'n' })).toMatchObject({
      name: 'n',
      more: 'm',
    });
    const clash = defineSettings({ alias: text({ env: 'ENTDB_NAME', ...words }) });
    expect(() => combineSettings(spec, clash)).toThrow('two settings read ENTDB_NAME');
  });

  it('lists variables that nobody reads', () => {
    expect(
      unknownSettings([spec], { ENTDB_PROT: '1', ENTDB_PORT: '1', PATH: '/', ENTDB_A: '' }),
    ).toEqual(['ENTDB_A', 'ENTDB_PROT']);
  });

  it('describes itself, secrets hidden', () => {
    const rows = describeSettings(spec);
    expect(rows[0]).toMatchObject({ env: 'ENTDB_NAME', required: true, default: '' });
    expect(rows[2]).toMatchObject({
      env: 'ENTDB_WAIT',
      required: false,
      default: '5s',
      unit: 'time',
    });
    expect(rows.at(-1)).toMatchObject({ env: 'ENTDB_SECRET', secret: true, example: '***' });
  });
});
