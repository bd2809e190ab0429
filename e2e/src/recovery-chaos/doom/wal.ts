import * as original from '@entdb/wal';
import type { Wal } from '@entdb/wal';
import { reach } from './moment.ts';

export * from '@entdb/wal';

export const createEmbeddedWal: typeof original.createEmbeddedWal = (options) =>
  watch(original.createEmbeddedWal(options));
export const createKafkaWal: typeof original.createKafkaWal = (options) =>
  watch(original.createKafkaWal(options));

function watch<W extends Wal>(wal: W): W {
  return {
    ...wal,
    async commit(...mark: Parameters<Wal['commit']>) {
      reach('before commit');
      await wal.commit(...mark);
      reach('after commit');
    },
    consume: ({ onBatch, ...wanted }: Parameters<Wal['consume']>[0]) =>
      wal.consume({
        ...wanted,
        onBatch: async (batch) => {
          if (wanted.topic === original.walTopic) reach('batch of the log');
          await onBatch(batch);
        },
      }),
  };
}
