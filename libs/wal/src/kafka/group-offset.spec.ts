import { createServer, type AddressInfo } from 'node:net';
import { codeOf } from '../conformance/fixture.ts';
import { createKafkaWal } from './kafka-wal.ts';

it('a mark that cannot be read or set is an error in bounded time, not a missing mark', async () => {
  const silent = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
  await new Promise((resolve) => silent.once('listening', resolve));
  const { port } = silent.address() as AddressInfo; // it listens on a port
  const wal = createKafkaWal({
    brokers: [`127.0.0.1:${port}`],
    timing: { callDeadlineMs: 300 },
  });
  expect(await codeOf(wal.committed('archiver', 't', 0))).toBe('LOG_UNAVAILABLE');
  expect(await codeOf(wal.commit('archiver', 't', 0, 1))).toBe('LOG_UNAVAILABLE');
  await wal.close();
  await new Promise((resolve) => silent.close(resolve));
});
