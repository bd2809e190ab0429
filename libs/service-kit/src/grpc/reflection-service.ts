/**
 * gRPC server reflection, v1 and v1alpha: grpcurl and its like need nothing but an address. The two versions have the same
 * messages under two package names, so v1alpha is answered by v1 through the bytes that they share.
 */
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { reflectionV1 as v1, reflectionV1Alpha as v1Alpha } from '@entdb/contracts/grpc';
import type { Router } from '../router.ts';
import type { DescriptorIndex } from './descriptors.ts';

type Request = v1.ServerReflectionRequest;
type Answer = NonNullable<
  MessageInitShape<typeof v1.ServerReflectionResponseSchema>['messageResponse']
>;

/** gRPC's numbers, which the contract's error message carries. */
const notFound = 5;
const unimplemented = 12;

export function registerReflection(router: Router, index: () => DescriptorIndex): void {
  const reflect = (request: Request) =>
    create(v1.ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: answer(index(), request.messageRequest),
    });
  router.service(v1.ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) yield reflect(request);
    },
  });
  router.service(v1Alpha.ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        const bytes = toBinary(v1Alpha.ServerReflectionRequestSchema, request);
        const response = reflect(fromBinary(v1.ServerReflectionRequestSchema, bytes));
        yield fromBinary(
          v1Alpha.ServerReflectionResponseSchema,
          toBinary(v1.ServerReflectionResponseSchema, response),
        );
      }
    },
  });
}

function answer(index: DescriptorIndex, request: Request['messageRequest']): Answer {
  switch (request.case) {
    case 'listServices':
      return {
        case: 'listServicesResponse',
        value: { service: index.services.map((name) => ({ name })) },
      };
    case 'fileByFilename':
      return files(index.fileByName(request.value), `there is no file ${request.value}`);
    case 'fileContainingSymbol':
      return files(index.fileBySymbol(request.value), `there is no symbol ${request.value}`);
    case 'fileContainingExtension':
    case 'allExtensionNumbersOfType':
      return fault(notFound, 'the contracts have no extensions');
    case undefined:
      return fault(unimplemented, 'the request asks for nothing that this server knows');
  }
}

const files = (found: readonly Uint8Array[] | undefined, otherwise: string): Answer =>
  found
    ? { case: 'fileDescriptorResponse', value: { fileDescriptorProto: [...found] } }
    : fault(notFound, otherwise);

const fault = (errorCode: number, errorMessage: string): Answer => ({
  case: 'errorResponse',
  value: { errorCode, errorMessage },
});
