"""keystoneauth1: the session and adapter that the other clients build on, used alone."""

import keystoneauth1.exceptions as exceptions
import pytest
from keystoneauth1 import adapter, loading, session

from refusal import Refusals

CLIENT = "keystoneauth1"


@pytest.fixture
def refused(record_property):
    """Its text contains Keystone's errors only; the exception has the whole response."""
    return Refusals(record_property, told=lambda error: error.response.text)


@pytest.fixture
def connect(world):
    def adapter_for(token=world.member, prefix="/v2.1", microversion=None):
        plugin = loading.get_plugin_loader("admin_token")
        auth = plugin.load_from_options(endpoint=f"{world.url}{prefix}", token=token)
        return adapter.Adapter(session.Session(auth=auth), service_type="compute", default_microversion=microversion)

    return adapter_for


@pytest.fixture(params=[None, "2.1", "2.104"], ids=["no microversion", "2.1", "2.104"])
def compute(request, connect):
    return connect(microversion=request.param)


@pytest.mark.parametrize("path", ["", "/", "/v2.1", "/v2.1/"])
def test_discover(connect, path):
    data = connect(prefix=path).get_endpoint_data()
    assert data.api_version == (2, 1)
    assert (data.min_microversion, data.max_microversion) == ((2, 1), (2, 104))


def test_discover_v2(connect):
    data = connect(prefix="/v2").get_endpoint_data()
    assert data.api_version == (2, 0)
    assert data.max_microversion is None


def test_set(compute, server, world):
    answer = compute.post(f"/servers/{server.id}/metadata", json={"metadata": {"k": "v"}})
    assert answer.json() == {"metadata": {"k": "v", "key1": "value1", "key2": "value2"}}
    assert world.metadata(server) == answer.json()["metadata"]


def test_list(compute, server):
    assert compute.get(f"/servers/{server.id}/metadata").json() == {"metadata": {"key1": "value1", "key2": "value2"}}


def test_show(compute, server):
    assert compute.get(f"/servers/{server.id}/metadata/key1").json() == {"meta": {"key1": "value1"}}


def test_delete_and_delete_again(compute, server, world, refused):
    answer = compute.delete(f"/servers/{server.id}/metadata/key1")
    assert (answer.status_code, answer.content) == (204, b"")
    assert world.metadata(server) == {"key2": "value2"}
    with refused(exceptions.NotFound, 404, "Metadata item was not found") as caught:
        compute.delete(f"/servers/{server.id}/metadata/key1")
    assert caught.value.request_id == caught.value.response.headers["X-Compute-Request-Id"]


def test_delete_on_a_locked_server(compute, locked_server, world, refused):
    with refused(exceptions.Conflict, 409, f"Instance {locked_server.id} is locked"):
        compute.delete(f"/servers/{locked_server.id}/metadata/key1")
    assert world.metadata(locked_server) == {"key1": "value1", "key2": "value2"}


def test_delete_with_another_project_in_the_url(connect, server, world, refused):
    stranger = connect(world.stranger, prefix=f"/v2.1/{world.project}")
    with refused(exceptions.BadRequest, 400, f"URL's project_id '{world.project}' doesn't match"):
        stranger.delete(f"/servers/{server.id}/metadata/key1")


def test_delete_from_a_server_of_another_project(connect, server, world, refused):
    with refused(exceptions.NotFound, 404, f"Instance {server.id} could not be found."):
        connect(world.stranger).delete(f"/servers/{server.id}/metadata/key1")


def test_delete_as_a_reader(connect, server, world, refused):
    with refused(exceptions.Forbidden, 403, "Policy doesn't allow os_compute_api:server-metadata:delete"):
        connect(world.reader).delete(f"/servers/{server.id}/metadata/key1")


def test_delete_with_an_expired_token(connect, server, world, refused):
    with refused(exceptions.Unauthorized, 401, "The request you have made requires authentication."):
        connect(world.expired).delete(f"/servers/{server.id}/metadata/key1")
    assert world.metadata(server) == {"key1": "value1", "key2": "value2"}


def test_a_microversion_that_does_not_exist(connect, server, refused):
    with refused(exceptions.NotAcceptable, 406, "Version 2.105 is not supported by the API."):
        connect(microversion="2.105").get(f"/servers/{server.id}/metadata")


def test_no_token_at_all(server, world, refused):
    plugin = loading.get_plugin_loader("none")
    bare = session.Session(auth=plugin.load_from_options(endpoint=f"{world.url}/v2.1"))
    with refused(exceptions.Unauthorized, 401, "The request you have made requires authentication."):
        adapter.Adapter(bare, service_type="compute").get(f"/servers/{server.id}/metadata")
