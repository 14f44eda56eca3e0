"""python-novaclient 7.1.2, the last one with `images.delete_meta`, in a virtual environment of its own."""

import re

import pytest
from keystoneauth1 import session, token_endpoint
from novaclient import API_MAX_VERSION, client, exceptions

CLIENT = "python-novaclient"

NEWEST = API_MAX_VERSION.get_string()
# The client itself refuses images in newer microversions.
NEWEST_WITH_IMAGES = "2.38"


@pytest.fixture
def connect(world):
    def nova(token=world.member, prefix="/v2.1", microversion="2"):
        auth = token_endpoint.Token(f"{world.url}{prefix}", token)
        return client.Client(microversion, session=session.Session(auth=auth))

    return nova


@pytest.fixture(params=["2", "2.1", NEWEST])
def servers(request, connect):
    return connect(microversion=request.param).servers


@pytest.fixture(params=["2", "2.1", NEWEST_WITH_IMAGES])
def images(request, connect):
    return connect(microversion=request.param).images


def test_image_set(images, image, world):
    images.set_meta(image.id, {"k": "v"})
    assert world.metadata(image) == {"k": "v", "key1": "value1", "key2": "value2"}


def test_image_show(connect, image):
    shown = connect().images.get(image.id)
    assert (shown.id, shown.name, shown.status) == (image.id, image.name, "ACTIVE")
    assert shown.metadata == {"key1": "value1", "key2": "value2"}


def test_image_delete(images, image, world):
    images.delete_meta(image.id, ["key1", "key2"])
    assert world.metadata(image) == {}


def test_image_delete_again(images, image, refused):
    images.delete_meta(image.id, ["key1"])
    with refused(exceptions.NotFound, 404, "Invalid metadata key") as caught:
        images.delete_meta(image.id, ["key1"])
    assert re.search(r"\(Request-ID: req-[0-9a-f-]{36}\)", str(caught.value))


def test_image_delete_while_it_is_being_written(images, saving_image, refused):
    message = f"Cannot 'delete metadata' image {saving_image.id} while it is in status saving"
    with refused(exceptions.Conflict, 409, message):
        images.delete_meta(saving_image.id, ["key1"])


def test_image_delete_from_one_that_is_only_to_be_seen(images, public_image, refused):
    with refused(exceptions.Forbidden, 403, f"Not authorized for image {public_image.id}."):
        images.delete_meta(public_image.id, ["key1"])


def test_image_delete_from_one_of_another_project(connect, image, world, refused):
    with refused(exceptions.NotFound, 404, "Image not found."):
        connect(world.stranger).images.delete_meta(image.id, ["key1"])


def test_image_delete_with_another_project_in_the_url(connect, image, world, refused):
    stranger = connect(world.stranger, prefix=f"/v2/{world.project}")
    with refused(exceptions.BadRequest, 400, f"URL's project_id '{world.project}' doesn't match"):
        stranger.images.delete_meta(image.id, ["key1"])


def test_image_delete_as_a_reader(connect, image, world, refused):
    with refused(exceptions.Forbidden, 403, f"Not authorized for image {image.id}."):
        connect(world.reader).images.delete_meta(image.id, ["key1"])


def test_image_delete_with_an_expired_token(connect, image, world, refused):
    with refused(exceptions.Unauthorized, 401, "The request you have made requires authentication."):
        connect(world.expired).images.delete_meta(image.id, ["key1"])


def test_image_find_by_name(connect, world):
    image = world.listed(world.register("image"))
    images = connect().images
    images.delete_meta(images.find(name=image.name), ["key1"])
    assert world.metadata(image) == {"key2": "value2"}


def test_image_delete_at_each_prefix(connect, image, world, prefix):
    connect(prefix=prefix).images.delete_meta(image.id, ["key1"])
    assert world.metadata(image) == {"key2": "value2"}


def test_server_set(servers, server, world):
    servers.set_meta(server.id, {"k": "v"})
    assert world.metadata(server) == {"k": "v", "key1": "value1", "key2": "value2"}


def test_server_set_item(servers, server, world):
    servers.set_meta_item(server.id, "key1", "changed")
    assert world.metadata(server) == {"key1": "changed", "key2": "value2"}


def test_server_show(servers, server):
    assert servers.get(server.id).metadata == {"key1": "value1", "key2": "value2"}


def test_server_delete(servers, server, world):
    servers.delete_meta(server.id, ["key1"])
    assert world.metadata(server) == {"key2": "value2"}


def test_server_delete_again(servers, server, refused):
    servers.delete_meta(server.id, ["key1"])
    with refused(exceptions.NotFound, 404, "Metadata item was not found"):
        servers.delete_meta(server.id, ["key1"])


def test_server_delete_on_a_locked_server(servers, locked_server, refused):
    with refused(exceptions.Conflict, 409, f"Instance {locked_server.id} is locked"):
        servers.delete_meta(locked_server.id, ["key1"])


def test_server_delete_from_a_server_of_another_project(connect, server, world, refused):
    with refused(exceptions.NotFound, 404, f"Instance {server.id} could not be found."):
        connect(world.stranger).servers.delete_meta(server.id, ["key1"])


def test_server_delete_with_another_project_in_the_url(connect, server, world, refused):
    stranger = connect(world.stranger, prefix=f"/v2/{world.project}")
    with refused(exceptions.BadRequest, 400, f"URL's project_id '{world.project}' doesn't match"):
        stranger.servers.delete_meta(server.id, ["key1"])


def test_server_delete_as_a_reader(connect, server, world, refused):
    with refused(exceptions.Forbidden, 403, "Policy doesn't allow os_compute_api:server-metadata:delete"):
        connect(world.reader).servers.delete_meta(server.id, ["key1"])


def test_server_delete_with_an_expired_token(connect, server, world, refused):
    with refused(exceptions.Unauthorized, 401, "The request you have made requires authentication."):
        connect(world.expired).servers.delete_meta(server.id, ["key1"])


def test_server_find_by_name(servers, listed_server, world):
    servers.delete_meta(servers.find(name=listed_server.name), ["key1"])
    assert world.metadata(listed_server) == {"key2": "value2"}
