export {
  firstLink,
  inspectChain,
  nextLink,
  type ChainFault,
  type ChainLink,
  type InspectedChain,
} from './chain.ts';
export { encodeChecksum, parseChecksum, type SegmentChecksum } from './checksum.ts';
export { lineBytesMax, type ArchivedRecord, type LineProof } from './line.ts';
export {
  encodeManifest,
  parseManifest,
  type SnapshotFile,
  type SnapshotManifest,
} from './manifest.ts';
export {
  archivePrefix,
  catalogueArchive,
  catalogueSnapshots,
  checksumNameOf,
  manifestName,
  parseObjectName,
  parseSnapshotId,
  segmentDate,
  segmentName,
  snapshotFileName,
  snapshotFiles,
  snapshotId,
  snapshotPrefix,
  snapshotsPrefix,
  type ArchiveCatalogue,
  type CataloguedSegment,
  type CataloguedSnapshot,
  type ObjectName,
  type SnapshotCatalogue,
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
