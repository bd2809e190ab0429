/** The suite's service, as its contract tells servers to behave. */
import { setTimeout as delay } from 'node:timers/promises';
import type { DescMessage, MessageInitShape, MessageShape } from '@bufbuild/protobuf';
import { anyPack, type Any } from '@bufbuild/protobuf/wkt';
import { RpcError, type Call, type Implementation, type RpcStatus } from '@entdb/service-kit';
import { Code } from './gen/connectrpc/conformance/v1/config_pb.ts';
import {
  BidiStreamRequestSchema,
  ClientStreamRequestSchema,
  ConformancePayload_RequestInfoSchema,
  ServerStreamRequestSchema,
  UnaryRequestSchema,
  type ConformanceService,
  type Error as WantedError,
  type Header,
  type StreamResponseDefinition,
  type UnaryResponseDefinition,
} from './gen/connectrpc/conformance/v1/service_pb.ts';

type RequestInfo = MessageInitShape<typeof ConformancePayload_RequestInfoSchema>;

export const implementation: Implementation<typeof ConformanceService> = {
  unary: async (request, call) => {
    const info = infoOf(call, [anyPack(UnaryRequestSchema, request)]);
    return { payload: await answer(request.responseDefinition, info, call) };
  },
  clientStream: async (requests, call) => {
    const all = await collect(requests);
    const info = infoOf(call, packAll(ClientStreamRequestSchema, all));
    return { payload: await answer(all[0]?.responseDefinition, info, call) };
  },
  async *serverStream(request, call) {
    const definition = request.responseDefinition;
    sendMetadata(definition, call);
    yield* responses(definition, infoOf(call, [anyPack(ServerStreamRequestSchema, request)]), call);
  },
  async *bidiStream(requests, call) {
    const seen: MessageShape<typeof BidiStreamRequestSchema>[] = [];
    let definition: StreamResponseDefinition | undefined;
    let sent = 0;
    for await (const request of requests) {
      if (seen.length === 0) {
        definition = request.responseDefinition;
        sendMetadata(definition, call);
      }
      seen.push(request);
      if (!seen[0]?.fullDuplex) continue;
      const data = definition?.responseData[sent];
      if (data === undefined) break;
      const echoed = [anyPack(BidiStreamRequestSchema, request)];
      await delay(definition?.responseDelayMs ?? 0);
      yield {
        payload: { data, requestInfo: sent === 0 ? infoOf(call, echoed) : { requests: echoed } },
      };
      sent += 1;
    }
    // What the caller's requests did not fetch, and all of it when half-duplex.
    yield* responses(definition, infoOf(call, packAll(BidiStreamRequestSchema, seen)), call, sent);
  },
};

async function* responses(
  definition: StreamResponseDefinition | undefined,
  info: RequestInfo,
  call: Call,
  from = 0,
) {
  for (const [index, data] of (definition?.responseData ?? []).entries()) {
    if (index < from) continue;
    await delay(definition?.responseDelayMs ?? 0, undefined, { signal: call.signal });
    yield { payload: { data, ...(index === 0 && { requestInfo: info }) } };
  }
  if (definition?.error)
    throw failure(definition.error, definition.responseData.length === 0 ? info : undefined);
}

async function answer(
  definition: UnaryResponseDefinition | undefined,
  requestInfo: RequestInfo,
  call: Call,
) {
  sendMetadata(definition, call);
  await delay(definition?.responseDelayMs ?? 0, undefined, { signal: call.signal });
  const response = definition?.response;
  if (response?.case === 'error') throw failure(response.value, requestInfo);
  return { requestInfo, ...(response?.case === 'responseData' && { data: response.value }) };
}

function failure(wanted: WantedError, info: RequestInfo | undefined): RpcError {
  const details = wanted.details.map((any) => ({
    type: any.typeUrl.slice(any.typeUrl.lastIndexOf('/') + 1),
    value: any.value,
  }));
  // The suite's codes have the names of gRPC's statuses, in capitals.
  const status = Object.entries(Code)
    .find(([, code]) => code === wanted.code)?.[0]
    .toLowerCase() as RpcStatus;
  return new RpcError(status, wanted.message ?? '', [
    ...details,
    ...(info ? [{ desc: ConformancePayload_RequestInfoSchema, value: info }] : []),
  ]);
}

function infoOf(call: Call, requests: Any[]): RequestInfo {
  const named = call.header('connect-timeout-ms') ?? call.header('grpc-timeout');
  return {
    requestHeaders: [...call.headers()].map(([name, value]) => ({
      name,
      value: value.split(/,\s?/),
    })),
    requests,
    ...(named !== undefined && { timeoutMs: BigInt(Math.round(call.remainingMs())) }),
  };
}

function sendMetadata(
  definition: { responseHeaders: Header[]; responseTrailers: Header[] } | undefined,
  call: Call,
): void {
  for (const { name, value } of definition?.responseHeaders ?? [])
    for (const text of value) call.appendHeader(name, text);
  for (const { name, value } of definition?.responseTrailers ?? [])
    for (const text of value) call.appendTrailer(name, text);
}

const packAll = <D extends DescMessage>(desc: D, messages: readonly MessageShape<D>[]): Any[] =>
  messages.map((message) => anyPack(desc, message));

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of source) all.push(item);
  return all;
}
