export {
  createEmbeddedWal,
  type EmbeddedWal,
  type EmbeddedWalOptions,
} from './embedded/embedded-wal.ts';
export { createKafkaWal } from './kafka/kafka-wal.ts';
export { type KafkaSasl, type KafkaSettings, type KafkaTiming } from './kafka/settings.ts';
export { recordBytes } from './lane-admission.ts';
export {
  createMemoryWal,
  type AppendAttempt,
  type AppendFault,
  type MemoryWal,
  type MemoryWalOptions,
} from './memory/memory-wal.ts';
export {
  archiverGroup,
  assertTopics,
  defaultTopicSettings,
  resultsTopic,
  statusTopic,
  topicFaults,
  topicSpecs,
  walTopic,
  type TopicFault,
  type TopicSettings,
} from './topics.ts';
export {
  defaultLaneLimits,
  type AppendReceipt,
  type AppendRecord,
  type ConsumeOptions,
  type Lane,
  type LaneLimits,
  type LogBatch,
  type LogBounds,
  type LogRecord,
  type TopicDescription,
  type TopicSpec,
  type Wal,
} from './wal.ts';
