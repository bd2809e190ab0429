/**
 * What an estimate assumes, and it is called an estimate wherever it is shown. Records are about what `make bench-restore` gives on two cores (docs/PERFORMANCE.md);
 * bytes and documents are assumed, for they are a network's, which no run on one machine can measure.
 */
export const bytesPerSecond = 60_000_000;
/** Of about a kilobyte, applied. */
export const recordsPerSecond = 8_000;
/** Read, and looked through for a key. */
export const scannedRecordsPerSecond = 30_000;
/** Checksums and manifests, sixteen at a time. */
export const documentsPerSecond = 400;

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

export const seconds = (value: number): number => Math.ceil(value * 10) / 10;
