/**
 * One TCP port for HTTP/1.1 and cleartext HTTP/2. An HTTP/2 client that knows where it calls begins with a fixed preface, so
 * the first bytes tell; they are put back before the connection is handed on, and none is lost however slowly they come.
 */
import { startTimer } from '@entdb/base';
import type { Socket } from 'node:net';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** What the first bytes say, or that more are needed. Pure. */
export function protocolOfFirstBytes(bytes: Uint8Array): 'http1' | 'http2' | 'undecided' {
  const length = Math.min(bytes.length, preface.length);
  if (preface.compare(bytes, 0, length, 0, length) !== 0) return 'http1';
  return length === preface.length ? 'http2' : 'undecided';
}

export interface SplitOptions {
  readonly timeoutMs: number;
  readonly http1: (socket: Socket) => void;
  readonly http2: (socket: Socket) => void;
}

/** Hands the socket to one of two servers. A socket that stays undecided for too long, or ends so, is closed. */
export function splitConnection(socket: Socket, options: SplitOptions): void {
  let seen = Buffer.alloc(0);
  const stopTimer = startTimer(options.timeoutMs, () => socket.destroy());
  const settle = () => {
    stopTimer();
    socket.off('readable', onReadable).off('close', settle).off('error', ignore).off('end', onEnd);
  };
  const onEnd = () => socket.destroy();
  const onReadable = () => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const protocol = protocolOfFirstBytes(seen);
    if (protocol === 'undecided') return;
    settle();
    socket.unshift(seen);
    options[protocol](socket);
  };
  socket.on('readable', onReadable).on('close', settle).on('error', ignore).on('end', onEnd);
}

/** A peer that resets before it has said anything is not news; 'close' follows. */
const ignore = () => {};
