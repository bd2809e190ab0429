import { parentPort } from 'node:worker_threads';
import { invariant } from '@entdb/base';
import { Handover, serveCalls } from '@entdb/threads';
import { pack, type Packed, type PackParams } from './pack.ts';

/** Makes segments: lines, their proof, compression. */
export interface PackMethods {
  pack(params: PackParams): Packed;
}

invariant(parentPort, 'runs in a worker thread');
serveCalls<PackMethods>(
  parentPort,
  {
    pack: async (params) => {
      const { segment, taken } = await pack(params);
      const bytes = new Uint8Array(segment.bytes); // of its own memory, or it could not be handed over
      return new Handover({ segment: { ...segment, bytes }, taken }, [bytes.buffer]);
    },
  },
  () => undefined,
);
