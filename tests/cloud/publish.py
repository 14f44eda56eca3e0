"""Puts notifications into a queue: as many as there were, had a bridge been away for long.

Arguments: the broker's address, the queue, how many for each server, servers. All of one server come together.
"""

import json
import sys

from kombu import Connection

url, queue, times, *servers = sys.argv[1:]
# As large as Nova's.
FILLER = {f"field_{number}": "x" * 40 for number in range(70)}


def notification(server):
    data = {"uuid": server, "metadata": {"k": "as it was long ago"}, **FILLER}
    message = {"event_type": "instance.update", "timestamp": "2026-01-02 03:04:05.000000",
               "payload": {"nova_object.name": "InstanceUpdatePayload", "nova_object.data": data}}
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)})


with Connection(url) as connection:
    producer = connection.Producer()
    for server in servers:
        body = notification(server)
        for _ in range(int(times)):
            producer.publish(body, routing_key=queue, content_type="application/json", content_encoding="utf-8")
