import { describeArchiving } from './suites/archiving.ts';
import { inMemory, onDirectory } from './testing/worlds.ts';

describeArchiving(inMemory);
describeArchiving(onDirectory);
