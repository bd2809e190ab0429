import { describeArchiving } from './conformance/archiving.ts';
import { inMemory, onDirectory } from './testing/worlds.ts';

describeArchiving(inMemory);
describeArchiving(onDirectory);
