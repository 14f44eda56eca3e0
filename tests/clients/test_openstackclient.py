"""python-openstackclient: `openstack server set`, `unset` and `show`, by id and by name."""

import json

import pytest

from command import Command

CLIENT = "python-openstackclient"

NEWEST = "2.104"


@pytest.fixture
def connect(world, home, record_property):
    def openstack(token=world.member, prefix="/v2.1", more=()):
        arguments = ["--os-auth-type", "admin_token", "--os-endpoint", f"{world.url}{prefix}", "--os-token", token]
        return Command("openstack", home, record_property, arguments=[*arguments, *more])

    return openstack


@pytest.fixture(params=[(), ("--os-compute-api-version", NEWEST)], ids=["default", NEWEST])
def openstack(request, connect):
    return connect(more=request.param)


def silent(done):
    """Asserts that a command printed nothing, as set and unset do on success."""
    assert (done.stdout, done.stderr) == ("", "")


def test_set_by_id(openstack, server, world):
    silent(openstack.succeeds("server", "set", "--property", "k=v", "--property", "key1=changed", server.id))
    assert world.metadata(server) == {"k": "v", "key1": "changed", "key2": "value2"}


def test_set_by_name(openstack, listed_server, world):
    silent(openstack.succeeds("server", "set", "--property", "k=v", listed_server.name))
    assert world.metadata(listed_server) == {"k": "v", "key1": "value1", "key2": "value2"}


def test_unset_by_id(openstack, server, world):
    silent(openstack.succeeds("server", "unset", "--property", "key1", server.id))
    assert world.metadata(server) == {"key2": "value2"}


def test_unset_by_name(openstack, listed_server, world):
    silent(openstack.succeeds("server", "unset", "--property", "key1", "--property", "key2", listed_server.name))
    assert world.metadata(listed_server) == {}


def test_unset_all(connect, server, world):
    silent(connect().succeeds("server", "unset", "--all-properties", server.id))
    assert world.metadata(server) == {}


def test_show_by_id(openstack, server, world):
    shown = json.loads(openstack.succeeds("server", "show", server.id, "-f", "json").stdout)
    assert shown["properties"] == {"key1": "value1", "key2": "value2"}
    assert (shown["id"], shown["name"], shown["status"]) == (server.id, server.name, "ACTIVE")
    assert (shown["project_id"], shown["locked"]) == (world.project, False)


def test_show_by_name(openstack, listed_server):
    shown = json.loads(openstack.succeeds("server", "show", listed_server.name, "-f", "json").stdout)
    assert shown["id"] == listed_server.id
    assert shown["properties"] == {"key1": "value1", "key2": "value2"}


def test_show_as_a_table(connect, server):
    shown = connect().succeeds("server", "show", server.id).stdout
    assert "| properties " in shown and "key1='value1', key2='value2'" in shown


def test_unset_again(openstack, server):
    openstack.succeeds("server", "unset", "--property", "key1", server.id)
    done = openstack.fails("NotFoundException: 404", "server", "unset", "--property", "key1", server.id)
    assert "Metadata item was not found" in done.stderr


def test_unset_on_a_locked_server(openstack, locked_server, world):
    done = openstack.fails("ConflictException: 409", "server", "unset", "--property", "key1", locked_server.id)
    assert f"Instance {locked_server.id} is locked" in done.stderr
    assert world.metadata(locked_server) == {"key1": "value1", "key2": "value2"}


def test_set_on_a_locked_server(connect, locked_server):
    done = connect().fails("ConflictException: 409", "server", "set", "--property", "k=v", locked_server.id)
    assert f"Instance {locked_server.id} is locked" in done.stderr


def test_unset_with_another_project_in_the_url(connect, server, world):
    stranger = connect(world.stranger, prefix=f"/v2.1/{world.project}")
    done = stranger.fails("BadRequestException: 400", "server", "unset", "--property", "key1", server.id)
    assert f"URL's project_id '{world.project}' doesn't match" in done.stderr


def test_unset_from_a_server_of_another_project(connect, server, world):
    message = f"No Server found for {server.id}"
    connect(world.stranger).fails(message, "server", "unset", "--property", "key1", server.id)
    assert world.metadata(server) == {"key1": "value1", "key2": "value2"}


def test_unset_from_a_name_of_another_project(connect, listed_server, world):
    message = f"No Server found for {listed_server.name}"
    connect(world.stranger).fails(message, "server", "unset", "--property", "key1", listed_server.name)


def test_unset_as_a_reader(connect, server, world):
    reader = connect(world.reader)
    done = reader.fails("ForbiddenException: 403", "server", "unset", "--property", "key1", server.id)
    assert "Policy doesn't allow os_compute_api:server-metadata:delete to be performed." in done.stderr


def test_unset_with_an_expired_token(connect, server, world):
    expired = connect(world.expired)
    done = expired.fails("HttpException: 401", "server", "unset", "--property", "key1", server.id)
    assert "The request you have made requires authentication." in done.stderr


def test_unset_at_each_prefix(connect, server, world, prefix):
    openstack = connect(prefix=prefix)
    silent(openstack.succeeds("server", "unset", "--property", "key1", server.id))
    assert world.metadata(server) == {"key2": "value2"}


def test_unset_with_what_clouds_yaml_says(server, world, home, tmp_path, record_property):
    clouds = tmp_path / "clouds.yaml"
    auth = {"endpoint": f"{world.url}/v2.1", "token": world.member}
    # JSON is YAML.
    clouds.write_text(json.dumps({"clouds": {"edge": {"auth_type": "admin_token", "auth": auth}}}))
    environment = {"OS_CLIENT_CONFIG_FILE": str(clouds)}
    openstack = Command("openstack", home, record_property, environment, ["--os-cloud", "edge"])
    silent(openstack.succeeds("server", "unset", "--property", "key1", server.id))
    assert world.metadata(server) == {"key2": "value2"}


def test_unset_with_what_the_environment_says(server, world, home, record_property):
    environment = {"OS_AUTH_TYPE": "admin_token", "OS_ENDPOINT": f"{world.url}/v2.1", "OS_TOKEN": world.member}
    openstack = Command("openstack", home, record_property, environment)
    silent(openstack.succeeds("server", "unset", "--property", "key1", server.id))
    assert world.metadata(server) == {"key2": "value2"}
