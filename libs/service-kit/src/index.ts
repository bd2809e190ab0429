export type { Call, Handler, Implementation, RpcProtocol } from './call.ts';
export {
  createHealth,
  isServing,
  overallStatus,
  type ComponentState,
  type Health,
  type HealthSnapshot,
  type HealthStatus,
  type Readiness,
} from './health.ts';
export { assertPortsFree, type PortClaim } from './http/ports.ts';
export { createSideServer, type SideServer } from './http/side-server.ts';
export { defaultRpcLimits, type RpcLimits } from './limits.ts';
export type { Router } from './router.ts';
export { errorDetail, RpcError, type RpcDetail, type RpcStatus } from './rpc-error.ts';
export { createServer, type RpcServer, type ServerOptions } from './server.ts';
export {
  runService,
  type ServiceContext,
  type ServiceOptions,
  type Started,
} from './run-service.ts';
