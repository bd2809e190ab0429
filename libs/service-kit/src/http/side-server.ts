/** The plain HTTP port beside the RPC port: /health for people, /livez and /readyz for the orchestrator, /metrics for Prometheus. */
import { createServer as createHttp, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toError, type Logger } from '@entdb/base';
import type { Metrics } from '@entdb/telemetry';
import { healthBody, isServing, type Health } from '../health.ts';

export interface SideServerOptions {
  readonly health: Health;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** More for the body of /health, such as `applier_lag_ms`. */
  readonly facts?: () => Readonly<Record<string, unknown>>;
}

export interface SideServer {
  listen(host: string, port: number): Promise<AddressInfo>;
  close(): Promise<void>;
}

export function createSideServer(options: SideServerOptions): SideServer {
  const { health, metrics, logger, facts = () => ({}) } = options;
  const pages: Readonly<Record<string, Page>> = {
    '/health': (response) => {
      const snapshot = health.snapshot();
      // A degraded process still answers: taking it away would make things worse.
      json(response, snapshot.status === 'unhealthy' ? 503 : 200, healthBody(snapshot, facts()));
    },
    // That this answers at all is the answer: neither Kafka nor S3 nor lag may get a process killed.
    '/livez': (response) => json(response, 200, { live: true }),
    '/readyz': (response) => {
      const ready = isServing(health.snapshot());
      json(response, ready ? 200 : 503, { ready, readiness: health.snapshot().readiness });
    },
    '/metrics': async (response) => {
      const { contentType, body } = await metrics.scrape();
      response.writeHead(200, { 'content-type': contentType }).end(body);
    },
  };

  const server = createHttp(
    { headersTimeout: 10_000, requestTimeout: 10_000 },
    (request, response) => {
      request.resume();
      const page = pages[(request.url ?? '').split('?', 1)[0] ?? ''];
      if (!page) return json(response, 404, { error: 'not found', pages: Object.keys(pages) });
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return json(response, 405, { error: 'only GET is served here' });
      serve(page, response).catch((thrown: unknown) => {
        logger.error(
          { err: toError(thrown), page: request.url },
          'a page of the side server failed',
        );
        if (!response.headersSent) json(response, 500, { error: 'internal' });
      });
    },
  );

  return {
    listen: (host, port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, () => resolve(server.address() as AddressInfo));
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Page = (response: ServerResponse) => void | Promise<void>;

const serve = async (page: Page, response: ServerResponse): Promise<void> => await page(response);

function json(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(`${JSON.stringify(body)}\n`);
}
