import { createMemoryStore } from '@entdb/object-store';
import { describeLoop } from './testing/loop-suite.ts';

describeLoop('a store in memory', async () => createMemoryStore());
