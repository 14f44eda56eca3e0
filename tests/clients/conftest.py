"""Fixtures of the client tests."""

import pytest

from refusal import Refusals
from world import World


@pytest.fixture(scope="session")
def world():
    return World()


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Home folder of the command-line clients. Shared, because they cache their plugins there; a new one per test
    would double each test's time."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(params=["", "/v2", "/v2.1", "/v2/{project}", "/v2.1/{project}"], ids=lambda prefix: prefix or "none")
def prefix(request, world):
    """Every prefix of the API."""
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
    """A public image of another project."""
    return world.register("image", project_id=world.other_project, visibility="public")


@pytest.fixture
def saving_image(world):
    """An image that is still being written."""
    return world.register("image", status="saving")


@pytest.fixture
def refused(record_property):
    return Refusals(record_property)
