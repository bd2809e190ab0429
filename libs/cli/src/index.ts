export { checkTopics, createTopics, type TopicsOptions } from './commands/topics.ts';
