export {
  type Applier,
  type Archiver,
  createFleetMap,
  type FleetMap,
  type FleetMapOptions,
  type Snapshotter,
} from './fleet-map.ts';
export { followFleet } from './follow-fleet.ts';
export { hearStatus } from './hear-status.ts';
export { logOf, openLog, type OpenLog, type Ports } from './open-log.ts';
export { objectStoreOf, openObjectStore } from './open-object-store.ts';
export { patiently, type Patience } from './patiently.ts';
export {
  createDigestLedger,
  readPublishedDigests,
  type DigestContradiction,
  type DigestLedger,
  type DigestLedgerOptions,
  type PublishedDigests,
  type ReadDigestsOptions,
} from './published-digests.ts';
export { createVoice, type Voice } from './voice.ts';
