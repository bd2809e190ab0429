export { type Applier, createFleetMap, type FleetMap, type FleetMapOptions } from './fleet-map.ts';
export { followFleet } from './follow-fleet.ts';
export { logOf, openLog, type OpenLog, type Ports } from './open-log.ts';
