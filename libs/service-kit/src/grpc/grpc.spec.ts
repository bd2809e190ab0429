/** Health and reflection, as a probe and as grpcurl use them. */
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { CommandService } from '@entdb/contracts';
import { health as healthContract, reflectionV1, reflectionV1Alpha } from '@entdb/contracts/grpc';
import { startFixture, until, type Fixture } from '../testing/fixture.ts';

const { SERVING, NOT_SERVING, SERVICE_UNKNOWN } = healthContract.HealthCheckResponse_ServingStatus;
let fixture: Fixture;
beforeEach(async () => void (fixture = await startFixture({}, { limits: { inFlightMax: 1 } })));
afterEach(() => fixture.stop());

describe('grpc.health.v1', () => {
  const client = () => fixture.client(healthContract.Health);

  it('answers for the process and for each service, and knows no other', async () => {
    expect((await client().check({})).status).toBe(SERVING);
    expect((await client().check({ service: 'entdb.v1.CommandService' })).status).toBe(SERVING);
    const unknown = await client()
      .check({ service: 'no.Such' })
      .catch((error: unknown) => ConnectError.from(error));
    expect(unknown).toMatchObject({ code: Code.NotFound });
    expect(Object.keys((await client().list({})).statuses).toSorted()).toEqual([
      '',
      'entdb.v1.CommandService',
      'entdb.v1.QueryService',
    ]);
  });

  it('follows readiness and health', async () => {
    fixture.health.set('wal', { kind: 'degraded', reason: 'slow' });
    expect((await client().check({})).status).toBe(SERVING);
    fixture.health.set('wal', { kind: 'unhealthy', reason: 'gone' });
    expect((await client().check({})).status).toBe(NOT_SERVING);
    fixture.health.set('wal', { kind: 'healthy' });
    fixture.health.setReadiness('draining');
    expect((await client().check({})).status).toBe(NOT_SERVING);
  });

  it('tells watchers of each change, once', async () => {
    const seen: number[] = [];
    const controller = new AbortController();
    const watching = (async () => {
      for await (const { status } of client().watch({}, { signal: controller.signal }))
        seen.push(status);
    })().catch((error: unknown) => ConnectError.from(error));
    await until(() => seen.length === 1);
    fixture.health.set('wal', { kind: 'degraded', reason: 'slow' });
    fixture.health.setReadiness('draining');
    await until(() => seen.length === 2);
    fixture.health.setReadiness('ready');
    await until(() => seen.length === 3);
    controller.abort();
    expect(await watching).toMatchObject({ code: Code.Canceled });
    expect(seen).toEqual([SERVING, NOT_SERVING, SERVING]);
  });

  it('tells a watcher of an unknown service so, and keeps the stream', async () => {
    const controller = new AbortController();
    const statuses = client()
      .watch({ service: 'no.Such' }, { signal: controller.signal })
      [Symbol.asyncIterator]();
    expect((await statuses.next()).value).toMatchObject({ status: SERVICE_UNKNOWN });
    controller.abort();
    await expect(statuses.next()).rejects.toMatchObject({ code: Code.Canceled });
  });
});

describe.each([
  ['v1', reflectionV1],
  ['v1alpha', reflectionV1Alpha],
] as const)('reflection %s', (_, contract) => {
  const ask = async (messageRequest: {
    case: 'listServices' | 'fileByFilename' | 'fileContainingSymbol';
    value: string;
  }) => {
    const client = fixture.client(
      contract.ServerReflection as typeof reflectionV1.ServerReflection,
    );
    async function* requests() {
      yield { host: 'h', messageRequest };
    }
    for await (const response of client.serverReflectionInfo(requests())) {
      expect(response.originalRequest?.messageRequest).toMatchObject(messageRequest);
      return response.messageResponse;
    }
    throw new Error('no response');
  };

  it('lists services', async () => {
    const response = await ask({ case: 'listServices', value: '' });
    const names =
      response.case === 'listServicesResponse'
        ? response.value.service.map(({ name }) => name)
        : [];
    expect(names).toEqual([
      'entdb.v1.CommandService',
      'entdb.v1.QueryService',
      'grpc.health.v1.Health',
      'grpc.reflection.v1.ServerReflection',
      'grpc.reflection.v1alpha.ServerReflection',
    ]);
  });

  it.each([
    ['fileContainingSymbol', 'entdb.v1.CommandService'],
    ['fileContainingSymbol', 'entdb.v1.CommandService.ExecuteAtomic'],
    ['fileContainingSymbol', 'entdb.v1.ExecuteAtomicRequest'],
    ['fileContainingSymbol', 'entdb.v1.ExecuteAtomicRequest.tenant_id'],
    ['fileByFilename', 'entdb/v1/command.proto'],
  ] as const)('gives by %s %s a file with all that it needs', async (kind, value) => {
    const response = await ask({ case: kind, value });
    const files =
      response.case === 'fileDescriptorResponse' ? response.value.fileDescriptorProto : [];
    const protos = files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    expect(protos[0]?.name).toBe('entdb/v1/command.proto');
    // A registry can be built of them: nothing is missing.
    const registry = createFileRegistry(
      create(FileDescriptorSetSchema, { file: protos.toReversed() }),
    );
    expect(registry.getService('entdb.v1.CommandService')?.methods).toHaveLength(
      CommandService.methods.length,
    );
  });

  it.each([
    ['fileContainingSymbol', 'no.Such'],
    ['fileByFilename', 'no/such.proto'],
  ] as const)('says not found by %s', async (kind, value) => {
    expect(await ask({ case: kind, value })).toMatchObject({
      case: 'errorResponse',
      value: { errorCode: 5 },
    });
  });
});
