"""The Worker under test and its registry, which clients do not use."""

import dataclasses
import os
import time
import uuid

import requests

# Longer than lists may be behind (60 s).
PATIENCE = 75


@dataclasses.dataclass(frozen=True)
class Resource:
    kind: str
    id: str
    name: str


class World:
    def __init__(self, environment=os.environ):
        self.url = environment["CLIENTS_URL"]
        self.project = environment["CLIENTS_PROJECT"]
        self.other_project = environment["CLIENTS_OTHER_PROJECT"]
        self.member = environment["CLIENTS_TOKEN_MEMBER"]
        self.reader = environment["CLIENTS_TOKEN_READER"]
        self.stranger = environment["CLIENTS_TOKEN_STRANGER"]
        self.expired = environment["CLIENTS_TOKEN_EXPIRED"]
        self._registrar = environment["CLIENTS_TOKEN_REGISTRAR"]
        self._session = requests.Session()
        # Never uses a proxy for 127.0.0.1, whatever the environment says.
        self._session.trust_env = False

    def register(self, kind, **fields):
        """Registers a server or an image of the clients' project, by default with two metadata items."""
        resource = Resource(kind, str(uuid.uuid4()), f"{kind}-{uuid.uuid4().hex[:12]}")
        record = {
            "project_id": self.project,
            "name": resource.name,
            "metadata": {"key1": "value1", "key2": "value2"},
            **fields,
        }
        answer = self._registry("PUT", resource, json={kind: record})
        assert answer.status_code == 201, answer.text
        return resource

    def metadata(self, resource):
        """Reads the stored metadata from the registry."""
        answer = self._registry("GET", resource)
        assert answer.status_code == 200, answer.text
        return answer.json()[resource.kind]["metadata"]

    def listed(self, resource):
        """Waits until the resource is found by its name, because lists may be behind."""
        url = f"{self.url}/v2.1/{resource.kind}s"
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            headers = {"X-Auth-Token": self.member}
            answer = self._session.get(url, params={"name": resource.name}, headers=headers, timeout=PATIENCE)
            assert answer.status_code == 200, answer.text
            if [found["id"] for found in answer.json()[f"{resource.kind}s"]] == [resource.id]:
                return resource
            time.sleep(0.2)
        raise AssertionError(f"{resource.name} was not listed within {PATIENCE} seconds")

    def _registry(self, method, resource, **options):
        url = f"{self.url}/registry/{resource.kind}s/{resource.id}"
        headers = {"X-Auth-Token": self._registrar}
        return self._session.request(method, url, headers=headers, timeout=PATIENCE, **options)
