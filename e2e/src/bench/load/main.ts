import type { Job, Load, RoundResult } from './protocol.ts';
import { median } from '../contest.ts';
import { batchLoad } from './batch.ts';
import { kafkaLanes } from './kafka-lanes.ts';
import { logCommits } from './log-commits.ts';
import { sdkLoad } from './sdk.ts';
import { unaryLoad } from './unary.ts';

/** A process that makes load: sets a job up, then runs a round whenever it is told how long, and says what came of it. */
const job = JSON.parse(process.argv[2] ?? '') as Job; // written by `startLoad`
const load = await setUp(job);
process.send?.('ready');
process.on('message', (message: number | 'close') => {
  if (message === 'close') void load.close().then(() => process.disconnect());
  else void run(message).then((result) => process.send?.(result));
});

function setUp(of: Job): Promise<Load> | Load {
  switch (of.kind) {
    case 'sdk':
      return sdkLoad(of);
    case 'batch':
      return batchLoad(of);
    case 'unary':
      return unaryLoad(of);
    case 'kafka-lanes':
      return kafkaLanes(of);
    case 'log-commits':
      return logCommits(of);
  }
}

async function run(seconds: number): Promise<RoundResult> {
  const latencies: number[] = [];
  let count = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  const end = started + seconds * 1000;
  await Promise.all(
    load.loops.map(async (step) => {
      for (let from = performance.now(); from < end;) {
        const done = await step();
        count += done;
        const now = performance.now();
        latencies.push(now - from);
        from = now;
      }
    }),
  );
  const took = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    count,
    seconds: took,
    p50Ms: median(sorted),
    p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN,
    cpuSeconds: (user + system) / 1e6,
  };
}
