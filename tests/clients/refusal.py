"""What a client makes of an answer that is an error."""

import contextlib

import pytest


class Refusals:
    """`told` is where a client's exception has what the answer said; most have it in their own text."""

    def __init__(self, record, told=str):
        self._record = record
        self._told = told

    @contextlib.contextmanager
    def __call__(self, exception, status, message):
        """Exactly this exception, not one that it is derived from: that is what a caller's `except` sees."""
        with pytest.raises(exception) as caught:
            yield caught
        assert type(caught.value) is exception
        assert status_of(caught.value) == status
        assert message in self._told(caught.value)
        self._record("result", f"{exception.__name__}: {message}")


def status_of(error):
    """Each client has another name for it."""
    for name in ("status_code", "http_status", "code"):
        if isinstance(value := getattr(error, name, None), int):
            return value
    return None
