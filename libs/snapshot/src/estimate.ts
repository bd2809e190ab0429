/** Assumed, not measured: an estimate, and called so wherever it is shown. */
export const bytesPerSecond = 30_000_000;
export const recordsPerSecond = 12_000;
export const scannedRecordsPerSecond = 40_000;

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}

export const seconds = (value: number): number => Math.ceil(value * 10) / 10;
