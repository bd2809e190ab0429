import { parseArgs } from 'node:util';
import { assertNodeVersion } from '@entdb/base';
import { runChaos } from './run.ts';

/** `make chaos`: kills services under load, then counts. Exits with 1 for anything that is not as it was acknowledged. */
assertNodeVersion();

const { values } = parseArgs({
  options: {
    /** On three Kafka brokers of its own, which are harmed, too. */
    kafka: { type: 'boolean', default: false },
    /** Takes the applier's volume away, too, and checks reads meanwhile. */
    'lose-volume': { type: 'boolean', default: false },
    appliers: { type: 'string', default: '1' },
    rounds: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** A tenth of the rounds. */
    quick: { type: 'boolean', default: false },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);
const aside = (line: string) => process.stderr.write(`${line}\n`);
const { kafka } = values;
const loseVolume = values['lose-volume'];
const usual = kafka || loseVolume ? 20 : 200;
const rounds = Number(values.rounds ?? (values.quick ? usual / 10 : usual));
const seed = Number(values.seed);

const started = performance.now();
say(`${rounds} rounds on ${kafka ? 'Kafka' : 'the embedded log'}, seed ${seed}`);
const report = await runChaos({
  kafka,
  rounds,
  seed,
  loseVolume,
  appliers: Number(values.appliers),
  aside,
});
const wrong = [...report.discrepancies, ...(report.reads?.wrong ?? [])];
for (const problem of wrong.slice(0, 20)) say(`WRONG: ${problem}`);
const kills = [...report.harms].toSorted(([a], [b]) => (a < b ? -1 : 1));
say(
  `${kills.map(([kind, count]) => `${kind} ${count}`).join(', ')}; two at once in ${report.atOnce} rounds`,
);
say(
  `results compared equal ${report.resultsEqual}, stored rejections ${report.rejected} among them`,
);
const unknown = report.unknownApplied + report.unknownNotApplied;
say(
  `unknown outcomes resolved ${unknown}: applied ${report.unknownApplied}, not applied ${report.unknownNotApplied}`,
);
say(
  `state compared: ${report.nodes} nodes, ${report.edges} edges, ${report.discrepancies.length} discrepancies`,
);
say(`${((performance.now() - started) / 1000).toFixed(0)} s`);
if (report.reads) {
  const { right, refused, wrong: wrongReads } = report.reads;
  const codes = [...refused].map(([code, count]) => `${code} ${count}`).join(', ');
  say(`refused for now: ${codes === '' ? 'none' : codes}`);
  say(`reads with a position ${right + wrongReads.length}, wrong ${wrongReads.length}`);
}
if (report.kept !== undefined) aside(`the data is kept in ${report.kept}`);
say(
  `acknowledged ${report.acknowledged}, found ${report.found}, lost ${report.lost}, duplicated ${report.duplicated}`,
);
process.exitCode = wrong.length === 0 && report.acknowledged > 0 ? 0 : 1;
