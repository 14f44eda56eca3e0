"""What every test of a client starts from."""

import pytest

from refusal import Refusals
from world import World


@pytest.fixture(scope="session")
def world():
    return World()


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """For the clients that are commands. One for all of them, because they keep there what they can do: a
    new one each time would double the time that each takes."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(params=["", "/v2", "/v2.1", "/v2/{project}", "/v2.1/{project}"], ids=lambda prefix: prefix or "none")
def prefix(request, world):
    """Each one that the API answers below."""
    return request.param.format(project=world.project)


@pytest.fixture
def server(world):
    return world.register("server")


@pytest.fixture
def listed_server(world):
    return world.listed(world.register("server"))


@pytest.fixture
def locked_server(world):
    return world.register("server", locked=True)


@pytest.fixture
def image(world):
    return world.register("image")


@pytest.fixture
def public_image(world):
    """Of another project, and for everyone to see."""
    return world.register("image", project_id=world.other_project, visibility="public")


@pytest.fixture
def saving_image(world):
    """Still being written."""
    return world.register("image", status="saving")


@pytest.fixture
def refused(record_property):
    return Refusals(record_property)
