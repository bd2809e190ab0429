/** A process that writes objects until it is killed: `node writer.fixture.ts DIRECTORY MARK`. Prints each key that it was told is created. */
import { createDirectoryStore } from './directory-store.ts';

const [directory = '', mark = ''] = process.argv.slice(2);
const store = createDirectoryStore({ directory });
for (let n = 0; ; n += 1) {
  const key = `folder-${n % 7}/${String(n).padStart(8, '0')}`;
  const answer = await store.create(key, Buffer.from(mark.repeat(50_000)));
  if (answer === 'created') process.stdout.write(`${key}\n`);
}
