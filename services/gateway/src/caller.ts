import type { Call } from '@entdb/service-kit';

/** All that the write path needs to know of a call. */
export type Caller = Pick<Call, 'signal' | 'deadline'>;
