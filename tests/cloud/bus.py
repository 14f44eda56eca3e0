"""Looks into queues, empties them and fills them: a request a line, a reply a line, both of JSON.

A process that is started once, because each start of RabbitMQ's own commands takes seconds of a machine's time.
"""

import json
import sys

from amqp.exceptions import NotFound
from kombu import Connection

# As large as Nova's.
FILLER = {f"field_{number}": "x" * 40 for number in range(70)}


def notification(server):
    data = {"uuid": server, "metadata": {"k": "as it was long ago"}, **FILLER}
    message = {"event_type": "instance.update", "timestamp": "2026-01-02 03:04:05.000000",
               "payload": {"nova_object.name": "InstanceUpdatePayload", "nova_object.data": data}}
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(message)})


def waiting(channel, queue):
    return channel.queue_declare(queue, passive=True).message_count


def purge(channel, queue):
    return channel.queue_purge(queue)


def publish(channel, queue, servers, times):
    """As many notifications of each server as there were, had a bridge been away for long; all of one come together."""
    producer = channel.connection.client.Producer(channel)
    for server in servers:
        body = notification(server)
        for _ in range(times):
            producer.publish(body, routing_key=queue, content_type="application/json", content_encoding="utf-8")


COMMANDS = {"waiting": waiting, "purge": purge, "publish": publish}
for line in sys.stdin:
    request = json.loads(line)
    try:
        # A connection each: the broker may have been ended since.
        with Connection(request.pop("url"), connect_timeout=10) as connection:
            reply = COMMANDS[request.pop("command")](connection.default_channel, **request)
    except NotFound:
        reply = None
    except Exception as error:
        reply = {"error": repr(error)}
    print(json.dumps({"reply": reply}), flush=True)
