export { exitCodeOf, exitCodes, exitCodesHelp, gravest, type ExitCode } from './exit-codes.ts';
export {
  restoreInPlace,
  undoWords,
  type InPlaceOrder,
  type InPlaceReport,
} from './in-place/in-place.ts';
export { previewInPlace, type InPlacePreview, type InPlaceRequest } from './in-place/preview.ts';
export type { Undone, UndoneRecord } from './in-place/undone.ts';
export { openPlaces, publishedOf, type Places } from './places.ts';
export { createProgressMeter, describeProgress, type Progress } from './progress.ts';
export { eachBounded } from './each-bounded.ts';
export {
  exitCodeOfOutcome,
  planOne,
  restoreAll,
  type JobResult,
  type Outcome,
  type RestoreJob,
  type Start,
} from './restore-all.ts';
export { whatStays, type Stay } from './retention-stays.ts';
export { drawSample, parseSample, seedOfDay, type SampleSize } from './sample.ts';
export { recoverySettings, retentionSettings, type RecoverySettings } from './settings.ts';
export { parseCount, parseParallel, parseTarget, type TargetWords } from './target-words.ts';
export {
  verificationCost,
  verifyOne,
  type TotalCost,
  type Verification,
  type VerificationRequest,
} from './verify-one.ts';
