"""Assertions on the exceptions that clients raise for errors."""

import contextlib

import pytest


class Refusals:
    """`told` extracts the answer's message from a client's exception; most have it in their text."""

    def __init__(self, record, told=str):
        self._record = record
        self._told = told

    @contextlib.contextmanager
    def __call__(self, exception, status, message):
        """Asserts exactly this exception class, not a subclass, because callers' `except` clauses name it."""
        with pytest.raises(exception) as caught:
            yield caught
        assert type(caught.value) is exception
        assert status_of(caught.value) == status
        assert message in self._told(caught.value)
        self._record("result", f"{exception.__name__}: {message}")


def status_of(error):
    """Reads the status, which each client names differently."""
    for name in ("status_code", "http_status", "code"):
        if isinstance(value := getattr(error, name, None), int):
            return value
    return None
