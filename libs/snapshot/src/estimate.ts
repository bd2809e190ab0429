/**
 * What an estimate assumes, and it is called an estimate wherever it is shown: the figures of `make bench-restore` on two cores, rounded down (docs/PERFORMANCE.md). The
 * bytes are those of a network, which no run on one machine can measure.
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
