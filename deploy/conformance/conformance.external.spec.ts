/** The RPC protocols' own conformance suite against the server kit: all of it, and no known failures. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

it('passes the suite for Connect, gRPC and gRPC-Web, over HTTP/1.1 and HTTP/2', () => {
  // Two servers at a time: more start so slowly on two cores that the suite gives up on them.
  const run = spawnSync(join(__dirname, 'run.sh'), ['--max-servers', '2'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  const total = /(\d+) passed, (\d+) failed/.exec(run.stdout);
  expect({
    status: run.status,
    failed: total?.[2],
    tail: run.stdout.slice(-2000) + run.stderr.slice(-2000),
  }).toMatchObject({
    status: 0,
    failed: '0',
  });
  // The number is part of the promise: a configuration that leaves cases out is seen.
  expect(Number(total?.[1])).toBeGreaterThanOrEqual(1800);
}, 600_000);
