"""openstacksdk: servers and images through `connection.compute`, servers also through `connection` itself."""

import openstack
import pytest
from openstack import exceptions

CLIENT = "openstacksdk"

NEWEST = "2.104"


@pytest.fixture
def connect(world):
    def connection(token=world.member, prefix="/v2.1", **options):
        return openstack.connect(
            # OS_* variables and clouds.yaml of the machine must not take effect.
            load_yaml_config=False,
            load_envvars=False,
            auth_type="admin_token",
            auth={"endpoint": f"{world.url}{prefix}", "token": token},
            **options,
        )

    return connection


@pytest.fixture(params=[{}, {"compute_default_microversion": NEWEST}], ids=["default", NEWEST])
def connection(request, connect):
    return connect(**request.param)


@pytest.fixture
def compute(connection):
    return connection.compute


def test_set(compute, server, world):
    compute.set_server_metadata(server.id, k="v")
    assert world.metadata(server) == {"k": "v", "key1": "value1", "key2": "value2"}


def test_set_item(compute, server, world):
    compute.get_server(server.id).set_metadata_item(compute, "key1", "changed")
    assert world.metadata(server) == {"key1": "changed", "key2": "value2"}


def test_replace(compute, server, world):
    compute.get_server(server.id).replace_metadata(compute, {"k": "v"})
    assert world.metadata(server) == {"k": "v"}


def test_list(compute, server):
    assert compute.fetch_server_metadata(server.id).metadata == {"key1": "value1", "key2": "value2"}


def test_show(compute, server, world):
    shown = compute.get_server(server.id)
    assert (shown.id, shown.name, shown.status, shown.project_id) == (server.id, server.name, "ACTIVE", world.project)
    assert (shown.vm_state, shown.task_state, shown.power_state) == ("active", None, 1)
    assert shown.metadata == {"key1": "value1", "key2": "value2"}


def test_show_item(compute, server):
    shown = compute.get_server(server.id).get_metadata_item(compute, "key1")
    assert shown.metadata["key1"] == "value1"


def test_delete(compute, server, world):
    compute.delete_server_metadata(server.id, ["key1", "key2"])
    assert world.metadata(server) == {}


def test_delete_all(compute, server, world):
    compute.delete_server_metadata(server.id)
    assert world.metadata(server) == {}


def test_delete_keys_that_are_not_ascii(compute, world):
    server = world.register("server", metadata={"clé": "1", "日本": "2", "sp ace": "3", "stays": "4"})
    compute.delete_server_metadata(server.id, ["clé", "日本", "sp ace"])
    assert world.metadata(server) == {"stays": "4"}


def test_delete_again(compute, server, refused):
    compute.delete_server_metadata(server.id, ["key1"])
    with refused(exceptions.NotFoundException, 404, "Metadata item was not found"):
        compute.delete_server_metadata(server.id, ["key1"])


def test_delete_on_a_locked_server(compute, locked_server, world, refused):
    with refused(exceptions.ConflictException, 409, f"Instance {locked_server.id} is locked"):
        compute.delete_server_metadata(locked_server.id, ["key1"])
    assert world.metadata(locked_server) == {"key1": "value1", "key2": "value2"}


def test_set_on_a_locked_server(compute, locked_server, refused):
    with refused(exceptions.ConflictException, 409, f"Instance {locked_server.id} is locked"):
        compute.set_server_metadata(locked_server.id, k="v")


def test_find_by_name(compute, listed_server, world):
    compute.delete_server_metadata(compute.find_server(listed_server.name), ["key1"])
    assert world.metadata(listed_server) == {"key2": "value2"}


def test_find_a_name_that_nothing_has(compute, refused):
    with refused(exceptions.NotFoundException, None, "No Server found for nobody"):
        compute.find_server("nobody", ignore_missing=False)


def test_list_servers(compute, listed_server):
    assert listed_server.id in [found.id for found in compute.servers()]


def test_by_name_through_the_connection_itself(connection, listed_server, world):
    """As Ansible's modules do."""
    assert connection.get_server(listed_server.name).metadata == {"key1": "value1", "key2": "value2"}
    connection.set_server_metadata(listed_server.name, {"k": "v"})
    connection.delete_server_metadata(listed_server.name, ["key1"])
    assert world.metadata(listed_server) == {"k": "v", "key2": "value2"}


def test_a_round_trip_at_each_prefix(connect, server, world, prefix):
    compute = connect(prefix=prefix).compute
    compute.set_server_metadata(server.id, k="v")
    assert compute.fetch_server_metadata(server.id).metadata["k"] == "v"
    compute.delete_server_metadata(server.id, ["k"])
    assert world.metadata(server) == {"key1": "value1", "key2": "value2"}


def test_delete_with_another_project_in_the_url(connect, server, world, refused):
    stranger = connect(world.stranger, prefix=f"/v2.1/{world.project}")
    with refused(exceptions.BadRequestException, 400, f"URL's project_id '{world.project}' doesn't match"):
        stranger.compute.delete_server_metadata(server.id, ["key1"])


def test_delete_from_a_server_of_another_project(connect, server, world, refused):
    with refused(exceptions.NotFoundException, 404, f"Instance {server.id} could not be found."):
        connect(world.stranger).compute.delete_server_metadata(server.id, ["key1"])


def test_delete_as_a_reader(connect, server, world, refused):
    with refused(exceptions.ForbiddenException, 403, "Policy doesn't allow os_compute_api:server-metadata:delete"):
        connect(world.reader).compute.delete_server_metadata(server.id, ["key1"])


def test_delete_with_an_expired_token(connect, server, world, refused):
    # There is no exception class for 401.
    with refused(exceptions.HttpException, 401, "The request you have made requires authentication."):
        connect(world.expired).compute.delete_server_metadata(server.id, ["key1"])
    assert world.metadata(server) == {"key1": "value1", "key2": "value2"}


# Images, without a microversion, which is the SDK's default. Images end at 2.38.


@pytest.fixture
def images(connect):
    return connect().compute


def test_image_set(images, image, world):
    images.set_image_metadata(image.id, k="v")
    assert world.metadata(image) == {"k": "v", "key1": "value1", "key2": "value2"}


def test_image_list(images, image):
    assert images.fetch_image_metadata(image.id).metadata == {"key1": "value1", "key2": "value2"}


def test_image_show(images, image):
    shown = images.get_image(image.id)
    assert (shown.id, shown.name, shown.status) == (image.id, image.name, "ACTIVE")
    assert shown.metadata == {"key1": "value1", "key2": "value2"}


def test_image_delete(images, image, world):
    images.delete_image_metadata(image.id, ["key1"])
    assert world.metadata(image) == {"key2": "value2"}


def test_image_delete_all(images, image, world):
    images.delete_image_metadata(image.id)
    assert world.metadata(image) == {}


def test_image_delete_again(images, image, refused):
    images.delete_image_metadata(image.id, ["key1"])
    with refused(exceptions.NotFoundException, 404, "Invalid metadata key"):
        images.delete_image_metadata(image.id, ["key1"])


def test_image_find_by_name(images, world):
    image = world.listed(world.register("image"))
    images.delete_image_metadata(images.find_image(image.name), ["key1"])
    assert world.metadata(image) == {"key2": "value2"}


def test_image_delete_while_it_is_being_written(images, saving_image, refused):
    message = f"Cannot 'delete metadata' image {saving_image.id} while it is in status saving"
    with refused(exceptions.ConflictException, 409, message):
        images.delete_image_metadata(saving_image.id, ["key1"])


def test_image_delete_from_one_that_is_only_to_be_seen(images, public_image, refused):
    with refused(exceptions.ForbiddenException, 403, f"Not authorized for image {public_image.id}."):
        images.delete_image_metadata(public_image.id, ["key1"])


def test_image_delete_from_one_of_another_project(connect, image, world, refused):
    with refused(exceptions.NotFoundException, 404, "Image not found."):
        connect(world.stranger).compute.delete_image_metadata(image.id, ["key1"])


def test_image_delete_with_an_expired_token(connect, image, world, refused):
    with refused(exceptions.HttpException, 401, "The request you have made requires authentication."):
        connect(world.expired).compute.delete_image_metadata(image.id, ["key1"])


def test_image_delete_in_a_microversion_that_has_no_images(connect, image, world, refused):
    newest = connect(compute_default_microversion=NEWEST).compute
    with refused(exceptions.NotFoundException, 404, "The resource could not be found."):
        newest.delete_image_metadata(image.id, ["key1"])
    assert world.metadata(image) == {"key1": "value1", "key2": "value2"}
