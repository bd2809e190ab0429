/**
 * The server under test of the RPC conformance suite: its service, on our server kit. The suite writes one length-prefixed
 * request to standard input, reads one answer, and kills the process when it is done.
 */
import { create, createRegistry, fromBinary, toBinary } from '@bufbuild/protobuf';
import { silentLogger } from '@entdb/base';
import { createHealth, createServer } from '@entdb/service-kit';
import { createMetrics } from '@entdb/telemetry';
import {
  ConformanceService,
  file_connectrpc_conformance_v1_service as serviceFile,
} from './gen/connectrpc/conformance/v1/service_pb.ts';
import {
  ServerCompatRequestSchema,
  ServerCompatResponseSchema,
} from './gen/connectrpc/conformance/v1/server_compat_pb.ts';
import { implementation } from './service.ts';

async function readRequest() {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) {
    chunks.push(chunk as Buffer);
    const all = Buffer.concat(chunks);
    if (all.length >= 4 && all.length >= 4 + all.readUInt32BE(0))
      return fromBinary(ServerCompatRequestSchema, all.subarray(4, 4 + all.readUInt32BE(0)));
  }
  throw new Error('the suite closed standard input before it had said what to serve');
}

const request = await readRequest();
const server = createServer({
  routes: (router) => router.service(ConformanceService, implementation),
  health: createHealth(),
  logger: silentLogger,
  metrics: createMetrics({ service: 'conformance' }),
  gzip: true,
  // The suite counts details, and allows none in errors that no handler chose.
  errorDetails: false,
  anyTypes: createRegistry(serviceFile),
  ...(request.messageReceiveLimit > 0 && { limits: { readBytesMax: request.messageReceiveLimit } }),
});
const { address, port } = await server.listen('127.0.0.1', 0);
const answer = toBinary(
  ServerCompatResponseSchema,
  create(ServerCompatResponseSchema, { host: address, port }),
);
const length = Buffer.alloc(4);
length.writeUInt32BE(answer.length);
process.stdout.write(Buffer.concat([length, answer]));
