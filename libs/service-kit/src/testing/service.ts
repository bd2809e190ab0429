/** A small real service, started as a process by the spec of `runService`. It obeys the commands of its tenant ids. */
import { combineSettings, defineSettings, serverSettings, text } from '@entdb/config';
import { invariant } from '@entdb/base';
import { CommandService } from '@entdb/contracts';
import { runService } from '../run-service.ts';

const own = defineSettings({
  greeting: text({
    env: 'ENTDB_GREETING',
    default: 'hello',
    sentence: 'What it says.',
    example: 'hi',
  }),
});

await runService({
  name: 'fixture',
  settings: combineSettings(serverSettings, own),
  env: process.env,
  start: async ({ settings, onStop, logger, clock, health }) => {
    onStop('first', () => logger.info({}, 'closed first'));
    onStop('second', () => logger.info({}, 'closed second'));
    health.set('wal', { kind: 'healthy', text: 'connected' });
    return {
      facts: () => ({ applier_lag_ms: 0 }),
      routes: (router) =>
        router.service(CommandService, {
          executeAtomic: async ({ tenantId }) => {
            if (tenantId === 'invariant') invariant(false, 'the sky is up');
            if (tenantId === 'uncaught')
              setImmediate(() => void Promise.reject(new Error('nobody listens')));
            if (tenantId === 'slow') {
              logger.info({}, 'slow call is in');
              await clock.sleep(300);
            }
            return { ids: [settings.greeting] };
          },
          async *executeStream(requests, call) {
            logger.info({}, 'stream is in');
            for await (const { id } of requests) yield { id };
            call.signal.throwIfAborted();
          },
        }),
    };
  },
});
