export { type Applier, createFleetMap, type FleetMap, type FleetMapOptions } from './fleet-map.ts';
export { followFleet } from './follow-fleet.ts';
export { openLog, type OpenLog } from './open-log.ts';
