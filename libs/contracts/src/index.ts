export * from './gen/entdb/v1/admin_pb.ts';
export * from './gen/entdb/v1/command_pb.ts';
export * from './gen/entdb/v1/query_pb.ts';
export * from './gen/entdb/v1/record_pb.ts';
export * from './gen/entdb/v1/schema_pb.ts';
export * from './gen/entdb/v1/transaction_pb.ts';
export * from './gen/entdb/v1/value_pb.ts';
