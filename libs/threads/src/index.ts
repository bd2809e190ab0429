export {
  createWorkerClient,
  Handover,
  serveCalls,
  type Handlers,
  type Methods,
  type WorkerClient,
  type WorkerClientOptions,
} from './worker-call.ts';
