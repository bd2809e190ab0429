/** The program of docs/guides/getting-started.md. Each run takes a tenant of its own, so that it can be run again. */
import { createClient, defineSchema, edgeType, field, isEntError, nodeType } from '@entdb/client';

const Person = nodeType('Person', 1, {
  email: field.str(1, { required: true, unique: true }),
  name: field.str(2),
});
const Task = nodeType('Task', 2, {
  title: field.str(1, { required: true, searchable: true }),
  state: field.enum(2, ['open', 'done'], { required: true, indexed: true }),
  minutes: field.int(3, { indexed: true }),
  owner: field.ref(4, 'Person'),
  labels: field.list(field.str(5)),
});
const Blocks = edgeType('Blocks', 1, { from: [Task], to: [Task] });
const schema = defineSchema({ nodes: [Person, Task], edges: [Blocks] });

await using client = createClient({ endpoint: 'http://127.0.0.1:7400', schema });
const team = client.tenant(`team-${Date.now()}`);

console.log('== write');
const first = await team.atomic((plan) => {
  const eve = plan.create(Person, { email: 'eve@example.com', name: 'Eve' });
  const design = plan.create(Task, { title: 'Design the poster', state: 'open', owner: eve });
  const print = plan.create(Task, { title: 'Print the poster', state: 'open', minutes: 90 });
  plan.link(Blocks, design, print);
  return { eve, design, print };
});
const { eve, design, print } = first.returned;
console.log(`${first.operations.length} operations, at offset ${first.position.offset}`);

console.log('== change what was seen, or nothing');
const finish = (minutes: number) =>
  team.atomic((plan) => {
    plan.expect(Task, design, { state: 'open' });
    plan.update(Task, design, { state: 'done', minutes });
  });
await finish(45);
try {
  await finish(50);
} catch (error) {
  if (!isEntError(error, 'PRECONDITION_FAILED')) throw error;
  console.log(`${error.code} at ${error.facts.field}: ${error.message}`);
}

console.log('== insert unless it is there');
const again = await team.atomic((plan) =>
  plan.create(Person, { email: 'eve@example.com' }, { ifAbsent: true }),
);
console.log(`the same person: ${again.returned === eve}, changed: ${again.operations[0]?.changed}`);

console.log('== many writes at once share a stream and keep their order');
await Promise.all(
  Array.from({ length: 200 }, (_, i) =>
    team.atomic((plan) => {
      plan.create(Task, { title: `Call number ${i}`, state: 'open', minutes: i % 10 });
    }),
  ),
);

console.log('== read');
const done = await team.get(Task, design);
console.log(`${done?.fields.title}: ${done?.fields.state}, version ${done?.version}`);
const person = await team.getByKey(Person, { email: 'eve@example.com' });
console.log(`${person?.fields.name} has version ${person?.version}`);

const long = team
  .query(Task)
  .where((task) => task.state.eq('open').and(task.minutes.gte(9)))
  .orderBy('minutes', 'desc');
console.log(`${await long.count()} open tasks of 9 minutes or more`);
const page = await long.pageSize(2).page();
console.log(page.items.map((task) => `${task.fields.minutes} ${task.fields.title}`).join(', '));
const next = await long.pageSize(2).page(page.next);
console.log(next.items.map((task) => `${task.fields.minutes} ${task.fields.title}`).join(', '));
let minutes = 0n;
for await (const task of team.query(Task)) minutes += task.fields.minutes ?? 0n;
console.log(`${minutes} minutes in all`);

for await (const edge of team.edges(design)) console.log(`it blocks print: ${edge.to === print}`);
const found = await team.search(Task, 'poster prin*').all();
console.log(`found: ${found.map((task) => task.fields.title).join(', ')}`);

console.log('== deliver to a mailbox');
await team.atomic((plan) => {
  plan.update(Task, print, { owner: eve }, { deliver: { to: ['eve'], snippet: 'Yours now' } });
});
const inbox = team.mailbox('eve');
console.log(`${(await inbox.list().first())?.snippet}, unread: ${(await inbox.count()).unread}`);

console.log('== watch from a position on');
for await (const event of team.watch({ after: first.position })) {
  const kinds = event.transaction.operations.map(({ op }) => op.case).join(', ');
  console.log(`offset ${event.position.offset}: ${kinds}`);
  break;
}

console.log('== errors');
for (const wrong of [
  () => team.atomic((plan) => plan.create(Person, { email: 'eve@example.com' })),
  () =>
    team.atomic((plan) => plan.create(Task, { title: 'Whose?', state: 'open', owner: 'nobody' })),
  () => team.query(Task).page('another query'),
]) {
  try {
    await wrong();
  } catch (error) {
    if (!isEntError(error)) throw error;
    console.log(`${error.code} at ${error.facts.field}: ${error.message}`);
  }
}
