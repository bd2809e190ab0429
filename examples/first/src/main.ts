import { createClient, defineSchema, edgeType, field, nodeType } from '@entdb/client';

const User = nodeType('User', 1, {
  email: field.str(1, { required: true, unique: true }),
  age: field.int(2, { indexed: true }),
});
const Follows = edgeType('Follows', 1, { from: [User], to: [User] });
const schema = defineSchema({ nodes: [User], edges: [Follows] });

await using client = createClient({ endpoint: 'http://127.0.0.1:7400', schema });
const acme = client.tenant('acme');

// One transaction: all of it or nothing. A second run with the same key changes nothing and has the same result.
const { returned, position } = await acme.atomic(
  (plan) => {
    const alice = plan.create(User, { email: 'alice@example.com', age: 42 });
    const bob = plan.create(User, { email: 'bob@example.com', age: 23 });
    plan.link(Follows, bob, alice);
    return { alice, bob };
  },
  { idempotencyKey: 'alice-and-bob' },
);
console.log(`written: alice is ${returned.alice}, in the log at offset ${position.offset}`);

// Reads see what this client has written, whichever process answers.
const alice = await acme.getByKey(User, { email: 'alice@example.com' });
console.log(`read: ${alice?.fields.email} is ${alice?.fields.age}`);

for await (const user of acme.query(User).where((user) => user.age.lt(30))) {
  console.log(`below 30: ${user.fields.email}`);
}
