export * from './gen/entdb/v1/admin_pb.ts';
export * from './gen/entdb/v1/command_pb.ts';
export * from './gen/entdb/v1/query_pb.ts';
export * from './gen/entdb/v1/record_pb.ts';
export * from './gen/entdb/v1/schema_pb.ts';
export * from './gen/entdb/v1/transaction_pb.ts';
export * from './gen/entdb/v1/value_pb.ts';
export {
  checkClear,
  checkFields,
  checkFieldValue,
  checkRequired,
  edgeTypeOf,
  fieldOf,
  nodeTypeOf,
  type FieldOwner,
} from './check-fields.ts';
export { checkFilter } from './check-filter.ts';
export { checkNodeId, checkValue, kindName } from './check-value.ts';
export { mergeSchemas, schemaConflicts } from './evolve.ts';
export { openRecord, sealRecord, type RecordKind } from './envelope.ts';
export { isErasure } from './erasing.ts';
export { errorFromDetail, errorToDetail } from './error-detail.ts';
export { decodeFields, encodeFields, encodeValue } from './fields.ts';
export { canonicalSchema, schemaFingerprint } from './fingerprint.ts';
export { createIdMint, type IdMint } from './mint.ts';
export { positionFromWire, positionToWire, type LogPosition } from './position.ts';
export {
  decodeResultRecord,
  decodeStatusRecord,
  decodeWalRecord,
  encodeResultRecord,
  encodeStatusRecord,
  encodeWalRecord,
} from './record.ts';
export { walRecordFromJson, walRecordProvenJson } from './record-json.ts';
export {
  encodeTransaction,
  requestHash,
  requestHashOf,
  restoreRequestHash,
} from './request-hash.ts';
export {
  resultFromJson,
  verdictToJson,
  type OperationVerdict,
  type RejectedVerdict,
  type Verdict,
} from './result-json.ts';
export {
  compileSchema,
  orderedKinds,
  type CompiledEdgeType,
  type CompiledField,
  type CompiledNodeType,
  type CompiledSchema,
  type UniqueKey,
} from './schema.ts';
export { decodeSchema, encodeSchema } from './schema-bytes.ts';
export { listOf, val, valueOf, type AnyValue, type Fields, type ValueKind } from './value.ts';
