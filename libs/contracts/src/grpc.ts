/** Contracts of the gRPC project that every server offers: health and reflection. Apart, because names of theirs are very general. */
export * as health from './gen/grpc/health/v1/health_pb.ts';
export * as reflectionV1 from './gen/grpc/reflection/v1/reflection_pb.ts';
export * as reflectionV1Alpha from './gen/grpc/reflection/v1alpha/reflection_pb.ts';
