export {
  catalogueArchive,
  catalogueSnapshots,
  type ArchiveCatalogue,
  type CataloguedSegment,
  type CataloguedSnapshot,
  type SnapshotCatalogue,
} from './catalogue.ts';
export {
  firstLink,
  inspectChain,
  nextLink,
  type ChainFault,
  type ChainLink,
  type InspectedChain,
} from './chain.ts';
export { encodeChecksum, parseChecksum, type SegmentChecksum } from './checksum.ts';
export { encodeErasure, parseErasure, type Erasure } from './erasure.ts';
export { createErasureFinder, type ErasureFinder } from './erasures-in.ts';
export { lineBytesMax, type ArchivedRecord, type LineProof } from './line.ts';
export {
  confirmedInstancesMax,
  encodeManifest,
  parseManifest,
  type SnapshotFile,
  type SnapshotManifest,
} from './manifest.ts';
export {
  archivePrefix,
  checksumNameOf,
  erasureName,
  erasuresPrefix,
  manifestName,
  parseObjectName,
  parseSnapshotId,
  restorePointFileName,
  restorePointManifestName,
  restorePointPrefix,
  restorePointsPrefix,
  segmentDate,
  segmentName,
  snapshotFileName,
  snapshotFiles,
  snapshotId,
  snapshotPrefix,
  snapshotsPrefix,
  type ObjectName,
  type SnapshotFileName,
} from './names.ts';
export { planRange, type RangePlan, type RangeTarget } from './plan-range.ts';
export {
  checkSegmentBytes,
  compareSegments,
  createSegmentBuilder,
  decodeSegment,
  describeSegment,
  encodeSegment,
  type EncodedSegment,
  type SegmentBuilder,
  type SegmentComparison,
} from './segment.ts';
