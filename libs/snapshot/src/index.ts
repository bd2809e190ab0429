export { loadCatalog, type Catalog } from './catalog.ts';
export type { ExecuteProgress } from './execute.ts';
export type { Damage } from './damage.ts';
export type { ErasedAt } from './erased.ts';
export type { History, RestorableWindow } from './history.ts';
export type { Limit, Point } from './limit.ts';
export { listArchivedTenants } from './listing.ts';
export type { Digests } from './replay.ts';
export { planFor, type PlanRequest } from './planning.ts';
export type { Reused, RestoreReport } from './report.ts';
export { restoreNamedState, type StateSources } from './restore-into.ts';
export { restoreTenant, type RestoreRequest } from './restore.ts';
export type {
  KeyScan,
  PlannedBase,
  PlannedTail,
  Planning,
  PlanOptions,
  PlanStart,
  RestorePlan,
} from './plan.ts';
export { refusalError } from './refusal.ts';
export { makeRestorePoint, type RestorePoint, type RestorePointRequest } from './restore-point.ts';
export {
  listRestorePoints,
  restorePointUsableMs,
  type RestorePointListing,
  type StoredRestorePoint,
} from './restore-point-listing.ts';
export { planRestore } from './restore-plan.ts';
export type { LogAtHand } from './tail.ts';
export { describeTarget, parseInstant, type RestoreTarget } from './target.ts';
export { keepSnapshot, keptSnapshots, releaseSnapshot } from './keep.ts';
export { applyRetention, type RetentionOutcome, type RetentionRequest } from './retention.ts';
export { planRetention, type RetentionPlan } from './retention-plan.ts';
export {
  makeSnapshot,
  type PublishedDigests,
  type SnapshotOutcome,
  type SnapshotRequest,
} from './snapshot.ts';
export type { VerifyLevel } from './finding.ts';
export { verifyCost, verifyTenant, type VerifyReport, type VerifyRequest } from './verify.ts';
