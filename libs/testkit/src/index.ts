export { startProgram, type Program, type ProgramOptions } from './program.ts';
export { scratchFolder, type ScratchFolder } from './scratch-folder.ts';
export { until } from './until.ts';
