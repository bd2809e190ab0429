import { parseArgs } from 'node:util';
import { assertNodeVersion } from '@entdb/base';
import { tableText } from '../parts/table.ts';
import { runDamage } from './run.ts';

/** `make damage`: every byte of every kind of object, changed in turn. Exits with 1 where one is not detected. */
assertNodeVersion();

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** On an S3 server, in whose files the bytes are changed. */
    s3: { type: 'boolean', default: false },
    /** Makes every n-th of the changes. */
    'one-of': { type: 'string', default: '1' },
    /** Changes every n-th byte of canonical.db and mailbox.db. */
    'file-bytes-one-of': { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);
const started = performance.now();
const seconds = () => ((performance.now() - started) / 1000).toFixed(0);
const seed = Number(values.seed);
const { rows, alone, undetected } = await runDamage({
  seed,
  s3: values.s3,
  workers: Number(values.workers),
  oneOf: Number(values['one-of']),
  fileBytesOneOf: Number(values['file-bytes-one-of']),
  aside: (line) => process.stderr.write(`${seconds()} s: ${line}\n`),
});
say(`seed ${seed}, on ${values.s3 ? 'S3 (versitygw)' : 'a directory'}`);
const { header, padding, otherCopy } = alone.withoutMeaning;
say(
  tableText([
    ...rows.map((row) => ({
      object: row.object,
      bytes: row.bytes,
      changed: row.bytesChanged,
      changes: row.changes,
      'by verify': row.byVerify,
      restores: row.restores,
      'by restore': row.byRestore,
      'without meaning': 0,
      undetected: row.changes + row.restores - row.byRestore - row.byVerify,
      codes: row.codes,
    })),
    {
      object: 'segment without its checksum',
      bytes: alone.bytes,
      changed: alone.bytes,
      changes: alone.flips,
      'by verify': '-',
      restores: '-',
      'by restore': '-',
      'without meaning': header + padding + otherCopy,
      undetected: alone.undetected.length,
      codes: `detected by the archiver's comparison ${alone.detected}`,
    },
  ]),
);
say(
  `without meaning, because what is unpacked is the same byte for byte: ${header} bits of the gzip header (text flag, time, extra flags, system), ${padding} that fill up the last byte before the trailer, ${otherCopy} that take a copy from another place with the same text`,
);
for (const what of undetected.slice(0, 20)) say(`UNDETECTED: ${what}`);
const changes = rows.reduce((sum, row) => sum + row.changes, 0) + alone.flips;
say(`took ${seconds()} s`);
say(`changes ${changes}, undetected ${undetected.length}`);
process.exitCode = undetected.length === 0 && changes > 0 ? 0 : 1;
