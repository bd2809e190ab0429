import { openTenantWriter } from '../writer.ts';
import { killLog } from './kill-log.ts';
import { tenantId } from './log.ts';

/** Applies the log from where the files stand, in small batches, until it is killed. `argv`: folder, records, batch size. */
const [dir, records, batch] = process.argv.slice(2);
const log = killLog(Number(records));
const writer = openTenantWriter({ dir: dir!, tenantId, create: true });
process.send!('open');
for (let from = writer.position.offset + 1; from < log.length; from += Number(batch)) {
  const { poison } = writer.apply(log.slice(from, from + Number(batch)));
  if (poison) throw poison.error;
}
process.send!('done');
writer.close();
