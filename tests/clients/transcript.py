"""Prints one line per test: client, version, operation, result."""

import importlib.metadata

import pytest


def pytest_report_teststatus(report):
    """Suppresses the progress dots."""
    if report.when == "call" or report.failed:
        return report.outcome, "", report.outcome.upper()
    return "", "", ""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    report.client = item.module.CLIENT
    report.operation = item.originalname.removeprefix("test_").replace("_", " ")
    if hasattr(item, "callspec"):
        report.operation += f" ({item.callspec.id})"


@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    config.pluginmanager.register(Transcript(config.pluginmanager.get_plugin("terminalreporter")))


class Transcript:
    def __init__(self, terminal):
        self.terminal = terminal

    def pytest_runtest_logreport(self, report):
        if report.when != "call" and not report.failed:
            return
        client = f"{report.client} {importlib.metadata.version(report.client)}"
        result = dict(report.user_properties).get("result", "as expected") if report.passed else "FAILED"
        self.terminal.write_line(f"{client:<29} {report.operation:<60} {result}")
