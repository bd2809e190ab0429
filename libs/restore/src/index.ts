export { exitCodeOf, exitCodes, exitCodesHelp, gravest, type ExitCode } from './exit-codes.ts';
export { openPlaces, type Places } from './places.ts';
export { createProgressMeter, describeProgress, type Progress } from './progress.ts';
export {
  planOne,
  restoreAll,
  type JobResult,
  type Outcome,
  type RestoreJob,
  type Start,
} from './restore-all.ts';
export { recoverySettings, type RecoverySettings } from './settings.ts';
export { parseCount, parseTarget, type TargetWords } from './target-words.ts';
