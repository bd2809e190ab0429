import { once } from 'node:events';
import { connect, type ClientHttp2Session } from 'node:http2';
import type { Job, Load } from './protocol.ts';

const sessionsMax = 4;

export async function unaryLoad(job: Extract<Job, { kind: 'unary' }>): Promise<Load> {
  const { endpoint, path, outstanding, answerBytesMin } = job;
  const body = Buffer.from(job.body, 'base64');
  const headers = {
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/proto',
    'connect-protocol-version': '1',
    'connect-timeout-ms': '10000',
  };
  const sessions: ClientHttp2Session[] = [];
  for (let i = 0; i < sessionsMax; i += 1) {
    const session = connect(endpoint);
    await once(session, 'connect');
    sessions.push(session);
  }
  const ask = (session: ClientHttp2Session) =>
    new Promise<number>((resolve, reject) => {
      const stream = session.request(headers);
      let status = 0;
      let bytes = 0;
      stream.on('response', (answer) => {
        status = answer[':status'] ?? 0;
      });
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      stream.on('error', reject);
      stream.on('end', () => {
        if (status === 200 && bytes >= answerBytesMin) resolve(1);
        else reject(new Error(`${path} answered ${status} with ${bytes} bytes`));
      });
      stream.end(body);
    });
  return {
    loops: Array.from({ length: outstanding }, (_, i) => () => ask(sessions[i % sessionsMax]!)),
    close: async () => {
      await Promise.all(
        sessions.map((session) => new Promise<void>((done) => session.close(done))),
      );
    },
  };
}
