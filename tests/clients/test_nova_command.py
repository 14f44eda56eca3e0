"""The `nova` command of python-novaclient."""

import re

import pytest

from command import Command

CLIENT = "python-novaclient"


@pytest.fixture
def connect(world, home, record_property):
    def nova(token=world.member, prefix="/v2.1"):
        arguments = ["--os-auth-type", "admin_token", "--os-endpoint", f"{world.url}{prefix}", "--os-token", token]
        # Required with every kind of authentication, and unused with this one.
        environment = {"OS_PROJECT_ID": world.project, "OS_AUTH_URL": "http://unused.invalid"}
        return Command("nova", home, record_property, environment, arguments)

    return nova


@pytest.fixture
def nova(connect):
    return connect()


def test_meta_set_by_id(nova, server, world):
    nova.succeeds("meta", server.id, "set", "k=v")
    assert world.metadata(server) == {"k": "v", "key1": "value1", "key2": "value2"}


def test_meta_set_by_name(nova, listed_server, world):
    nova.succeeds("meta", listed_server.name, "set", "k=v")
    assert world.metadata(listed_server)["k"] == "v"


def test_meta_delete_by_id(nova, server, world):
    nova.succeeds("meta", server.id, "delete", "key1")
    assert world.metadata(server) == {"key2": "value2"}


def test_meta_delete_by_name(nova, listed_server, world):
    nova.succeeds("meta", listed_server.name, "delete", "key1")
    assert world.metadata(listed_server) == {"key2": "value2"}


def test_show(nova, server):
    shown = nova.succeeds("show", server.id).stdout
    assert re.search(r'\| metadata +\| \{"key1": "value1", "key2": "value2"\} +\|', shown)


def test_meta_delete_again(nova, server):
    nova.succeeds("meta", server.id, "delete", "key1")
    done = nova.fails("ERROR (NotFound): Metadata item was not found (HTTP 404)", "meta", server.id, "delete", "key1")
    assert re.search(r"\(Request-ID: req-[0-9a-f-]{36}\)", done.stderr)


def test_meta_delete_on_a_locked_server(nova, locked_server):
    message = f"ERROR (Conflict): Instance {locked_server.id} is locked (HTTP 409)"
    nova.fails(message, "meta", locked_server.id, "delete", "key1")


def test_meta_delete_from_a_server_of_another_project(connect, server, world):
    message = f"ERROR (CommandError): No server with a name or ID of '{server.id}' exists."
    connect(world.stranger).fails(message, "meta", server.id, "delete", "key1")


def test_meta_delete_with_an_expired_token(connect, server, world):
    message = "ERROR (Unauthorized): The request you have made requires authentication. (HTTP 401)"
    connect(world.expired).fails(message, "meta", server.id, "delete", "key1")
