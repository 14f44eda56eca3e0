"""python-novaclient as a library: servers."""

import re

import pytest
from keystoneauth1 import session, token_endpoint
from novaclient import API_MAX_VERSION, client, exceptions

CLIENT = "python-novaclient"

NEWEST = API_MAX_VERSION.get_string()


@pytest.fixture
def connect(world):
    def nova(token=world.member, prefix="/v2.1", microversion=NEWEST):
        auth = token_endpoint.Token(f"{world.url}{prefix}", token)
        return client.Client(microversion, session=session.Session(auth=auth))

    return nova


@pytest.fixture(params=["2", "2.1", NEWEST])
def servers(request, connect):
    return connect(microversion=request.param).servers


def test_set(servers, server, world):
    servers.set_meta(server.id, {"k": "v"})
    assert world.metadata(server) == {"k": "v", "key1": "value1", "key2": "value2"}


def test_set_item(servers, server, world):
    servers.set_meta_item(server.id, "key1", "changed")
    assert world.metadata(server) == {"key1": "changed", "key2": "value2"}


def test_list(servers, server):
    assert servers.list_meta(server.id) == {"metadata": {"key1": "value1", "key2": "value2"}}


def test_show_item(servers, server):
    assert servers.get_meta(server.id, "key1") == {"meta": {"key1": "value1"}}


def test_show(servers, server):
    shown = servers.get(server.id)
    assert (shown.id, shown.name, shown.status) == (server.id, server.name, "ACTIVE")
    assert shown.metadata == {"key1": "value1", "key2": "value2"}


def test_delete(servers, server, world):
    servers.delete_meta(server.id, ["key1", "key2"])
    assert world.metadata(server) == {}


def test_delete_again(servers, server, refused):
    servers.delete_meta(server.id, ["key1"])
    with refused(exceptions.NotFound, 404, "Metadata item was not found") as caught:
        servers.delete_meta(server.id, ["key1"])
    # The message contains the id from X-Compute-Request-Id.
    assert re.search(r"\(Request-ID: req-[0-9a-f-]{36}\)", str(caught.value))


def test_delete_on_a_locked_server(servers, locked_server, world, refused):
    with refused(exceptions.Conflict, 409, f"Instance {locked_server.id} is locked"):
        servers.delete_meta(locked_server.id, ["key1"])
    assert world.metadata(locked_server) == {"key1": "value1", "key2": "value2"}


def test_set_on_a_locked_server(servers, locked_server, refused):
    with refused(exceptions.Conflict, 409, f"Instance {locked_server.id} is locked"):
        servers.set_meta(locked_server.id, {"k": "v"})


def test_find_by_name(servers, listed_server):
    found = servers.find(name=listed_server.name)
    assert found.id == listed_server.id
    found.manager.delete_meta(found, ["key1"])
    assert servers.get(found).metadata == {"key2": "value2"}


def test_list_servers(servers, listed_server):
    assert listed_server.id in [found.id for found in servers.list()]


def test_find_a_name_that_nothing_has(servers, refused):
    with refused(exceptions.NotFound, 404, "No Server matching {'name': 'nobody'}."):
        servers.find(name="nobody")


def test_a_round_trip_at_each_prefix(connect, server, world, prefix):
    servers = connect(prefix=prefix).servers
    servers.set_meta(server.id, {"k": "v"})
    assert servers.list_meta(server.id)["metadata"]["k"] == "v"
    servers.delete_meta(server.id, ["k"])
    assert world.metadata(server) == {"key1": "value1", "key2": "value2"}


def test_delete_with_another_project_in_the_url(connect, server, world, refused):
    stranger = connect(world.stranger, prefix=f"/v2.1/{world.project}")
    with refused(exceptions.BadRequest, 400, f"URL's project_id '{world.project}' doesn't match"):
        stranger.servers.delete_meta(server.id, ["key1"])


def test_delete_from_a_server_of_another_project(connect, server, world, refused):
    with refused(exceptions.NotFound, 404, f"Instance {server.id} could not be found."):
        connect(world.stranger).servers.delete_meta(server.id, ["key1"])


def test_delete_as_a_reader(connect, server, world, refused):
    with refused(exceptions.Forbidden, 403, "Policy doesn't allow os_compute_api:server-metadata:delete"):
        connect(world.reader).servers.delete_meta(server.id, ["key1"])


def test_delete_with_an_expired_token(connect, server, world, refused):
    with refused(exceptions.Unauthorized, 401, "The request you have made requires authentication."):
        connect(world.expired).servers.delete_meta(server.id, ["key1"])
    assert world.metadata(server) == {"key1": "value1", "key2": "value2"}


def test_list_as_a_reader(connect, server, world):
    listed = connect(world.reader).servers.list_meta(server.id)
    assert listed == {"metadata": {"key1": "value1", "key2": "value2"}}
