"""A client in another language, with nothing of EntDB's but its .proto files: writes, reads, health, and an error with its details.

usage: client.py <folder of generated stubs> <gateway host:port> <applier host:port>
Prints one JSON object; numbers beyond 2^53 as text.
"""
import json
import sys

sys.path.insert(0, sys.argv[1])

import grpc
from entdb.v1 import admin_pb2, admin_pb2_grpc, command_pb2, command_pb2_grpc, query_pb2, query_pb2_grpc, value_pb2
from entdb.v1 import transaction_pb2
import health_pb2
import health_pb2_grpc
import status_pb2

TENANT = "python"
BIG = 2**63 - 1
TIMEOUT = 60


def detail_of(error):
    """The ErrorDetail that travels in google.rpc.Status."""
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    for packed in status.details:
        detail = value_pb2.ErrorDetail()
        if packed.Unpack(detail):
            return detail
    raise AssertionError("the error has no ErrorDetail")


def create(email, big):
    fields = {1: value_pb2.Value(str=email), 2: value_pb2.Value(int=big), 3: value_pb2.Value(bool=False)}
    return transaction_pb2.Operation(create_node=transaction_pb2.CreateNode(type_id=1, fields=fields))


def request(key, operations):
    return command_pb2.ExecuteAtomicRequest(
        tenant_id=TENANT, idempotency_key=key, operations=operations, wait=command_pb2.WAIT_APPLIED
    )


def main(gateway, applier):
    with grpc.insecure_channel(gateway) as writes, grpc.insecure_channel(applier) as reads:
        commands = command_pb2_grpc.CommandServiceStub(writes)
        queries = query_pb2_grpc.QueryServiceStub(reads)
        health = [
            health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT).status
            for channel in (writes, reads)
        ]

        first = commands.ExecuteAtomic(request("first", [create("ada@x", BIG)]), timeout=TIMEOUT)
        again = commands.ExecuteAtomic(request("first", [create("ada@x", BIG)]), timeout=TIMEOUT)
        scope = query_pb2.ReadScope(tenant_id=TENANT, at_least=first.position)
        node = queries.GetNode(query_pb2.GetNodeRequest(scope=scope, id=first.ids[0]), timeout=TIMEOUT).node

        stream = commands.ExecuteStream(
            (
                command_pb2.ExecuteStreamRequest(id=i, transaction=request(f"stream-{i}", [create(f"{i}@x", -BIG - 1 + i)]))
                for i in range(20)
            ),
            timeout=TIMEOUT,
        )
        outcomes = {answer.id: answer.outcome for answer in stream}

        above = transaction_pb2.Filter(
            compare=transaction_pb2.Comparison(
                field_id=2, operator=transaction_pb2.OPERATOR_GT, values=[value_pb2.Value(int=BIG - 1)]
            )
        )
        found = queries.QueryNodes(
            query_pb2.QueryNodesRequest(scope=scope, type_id=1, filter=above, count=True), timeout=TIMEOUT
        )
        topology = admin_pb2_grpc.AdminServiceStub(writes).GetTopology(admin_pb2.GetTopologyRequest(), timeout=TIMEOUT)

        try:
            commands.ExecuteAtomic(request("empty", []), timeout=TIMEOUT)
            raise AssertionError("an empty transaction was taken")
        except grpc.RpcError as error:
            refusal = {"status": error.code().name, "detail": detail_of(error)}

    return {
        "health": health,
        "same_result": first.result.SerializeToString(deterministic=True)
        == again.result.SerializeToString(deterministic=True),
        "email": node.fields[1].str,
        "big": str(node.fields[2].int),
        "false_is_there": 3 in node.fields and node.fields[3].bool is False,
        "absent_is_absent": 4 not in node.fields,
        "streamed": sum(outcome.HasField("response") for outcome in outcomes.values()),
        "found": [found.total, [entry.id == first.ids[0] for entry in found.nodes]],
        "appliers": len(topology.appliers),
        "error": [refusal["status"], refusal["detail"].code, refusal["detail"].field, refusal["detail"].hint != ""],
    }


print(json.dumps(main(*sys.argv[2:4])))
