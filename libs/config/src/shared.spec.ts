import { logSettings, objectStoreSettings, serverSettings } from './shared.ts';
import { combineSettings, describeSettings, parseSettings } from './settings.ts';

describe('shared settings', () => {
  it('need nothing at all to start on the embedded log', () => {
    expect(parseSettings(combineSettings(logSettings, serverSettings), {})).toMatchObject({
      log: 'embedded',
      dataDir: '.entdb',
      walPartitions: 8,
      host: '127.0.0.1',
      httpPort: 8080,
      rpcReadMax: 4 * 1024 * 1024,
    });
  });

  it('their examples keep their own rules', () => {
    for (const spec of [logSettings, objectStoreSettings, serverSettings]) {
      for (const setting of Object.values(spec.settings))
        expect([setting.env, setting.parse(setting.example).ok]).toEqual([setting.env, true]);
    }
    expect(describeSettings(serverSettings).every((row) => row.sentence.endsWith('.'))).toBe(true);
  });

  it.each([
    [{ ENTDB_KAFKA_ACKS: '1' }, 'ENTDB_KAFKA_ACKS'],
    [{ ENTDB_KAFKA_ACKS: 'ALL' }, 'ENTDB_KAFKA_ACKS'],
    [{ ENTDB_KAFKA_ENABLE_IDEMPOTENCE: 'false' }, 'ENTDB_KAFKA_ENABLE_IDEMPOTENCE'],
    [{ ENTDB_LOG: 'kafka' }, 'ENTDB_KAFKA_BROKERS'],
    [{ ENTDB_KAFKA_SASL_MECHANISM: 'plain' }, 'ENTDB_KAFKA_SASL_USERNAME'],
    [{ ENTDB_WAL_MIN_INSYNC_REPLICAS: '4' }, 'ENTDB_WAL_MIN_INSYNC_REPLICAS'],
  ])('refuse %j', (env, named) => {
    expect(() => parseSettings(logSettings, env)).toThrow(named);
  });

  it('keep objects in a folder unless told, and share it with the log', () => {
    expect(parseSettings(objectStoreSettings, {})).toMatchObject({ objectStore: 'directory' });
    const both = combineSettings(logSettings, objectStoreSettings);
    expect(parseSettings(both, { ENTDB_DATA_DIR: '/data' }).dataDir).toBe('/data');
  });

  it.each([
    [{ ENTDB_OBJECT_STORE: 's3' }, 'ENTDB_S3_BUCKET'],
    [{ ENTDB_S3_BUCKET: 'No' }, 'ENTDB_S3_BUCKET'],
    [{ ENTDB_S3_ENDPOINT: 's3.example.com' }, 'ENTDB_S3_ENDPOINT'],
    [{ ENTDB_S3_ENDPOINT: 'https://s3.example.com/bucket' }, 'ENTDB_S3_ENDPOINT'],
    [{ ENTDB_S3_ACCESS_KEY_ID: 'a' }, 'ENTDB_S3_SECRET_ACCESS_KEY'],
    [{ ENTDB_S3_SECRET_ACCESS_KEY: 'a' }, 'ENTDB_S3_ACCESS_KEY_ID'],
    [{ ENTDB_S3_PREFIX: '/leading' }, 'ENTDB_S3_PREFIX'],
    [{ ENTDB_S3_PREFIX: 'a/../b' }, 'ENTDB_S3_PREFIX'],
    [{ ENTDB_S3_PREFIX: 'trailing/' }, 'ENTDB_S3_PREFIX'],
  ])('refuse %j', (env, named) => {
    expect(() => parseSettings(objectStoreSettings, env)).toThrow(named);
  });
});
