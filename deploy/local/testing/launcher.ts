/** A launcher that a test may kill: starts a fleet in the folder it is given and tells its processes. */
import { startFleet } from '../fleet.ts';

const fleet = await startFleet({ dataDir: process.argv[2]! });
await fleet.ready();
process.stdout.write(`${JSON.stringify(fleet.services.map((service) => service.pid))}\n`);
