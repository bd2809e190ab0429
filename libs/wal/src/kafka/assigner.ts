import kafkajs, { type PartitionAssigner } from 'kafkajs';

const { AssignerProtocol } = kafkajs;
const name = 'EntdbOwnPartitions';
const version = 1;
const userData = Buffer.alloc(0);

/** Gives every member of the group (there is one) exactly these partitions: who reads what is decided by us, not by the group. */
export function ownPartitions(topic: string, partitions: readonly number[]): PartitionAssigner {
  return () => ({
    name,
    version,
    protocol: ({ topics }) => ({
      name,
      metadata: AssignerProtocol.MemberMetadata.encode({ version, topics, userData }),
    }),
    assign: ({ members }) =>
      Promise.resolve(
        members.map(({ memberId }) => ({
          memberId,
          memberAssignment: AssignerProtocol.MemberAssignment.encode({
            version,
            assignment: { [topic]: [...partitions] },
            userData,
          }),
        })),
      ),
  });
}
