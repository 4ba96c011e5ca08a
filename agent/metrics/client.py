"""The parts of prometheus_client that the exporter needs, without the rest of it.

`import prometheus_client` also brings an HTTP server, TLS, WSGI, ASGI and collectors of its own: 8 MB and 30 ms
that the daemon would never use. The modules with the metric families and the OpenMetrics writer stand by themselves,
so they are loaded as members of an empty package of the same name, which is taken away again afterwards: whoever
imports prometheus_client later gets all of it, and shares nothing with this.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

_PACKAGE = "prometheus_client"


class Client:
    """`Metric`, the number format and the OpenMetrics writer of prometheus_client."""

    def __init__(self) -> None:
        core, writer, utils = _load("metrics_core", "openmetrics.exposition", "utils")
        self._metric: Any = core.Metric
        self._generate: Any = writer.generate_latest
        self.number: Callable[[float], str] = utils.floatToGoString
        """Given a number, returns it as Prometheus writes it."""
        self.openmetrics_type: str = writer.CONTENT_TYPE_LATEST

    def family(self, name: str, text: str, kind: str, unit: str) -> Metric:
        """Given a name, help, type and unit, return an empty family; ValueError for a name that is none."""
        family: Metric = self._metric(name, text, kind, unit)
        return family

    def write(self, families: Iterable[Metric]) -> str:
        """Given families, return their OpenMetrics text without the line that ends it."""
        text: bytes = self._generate(_Collected(families))
        return text.decode("utf-8").removesuffix("# EOF\n")


class _Collected:
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _load(*names: str) -> list[ModuleType]:
    """Given names of modules of prometheus_client, return them, loading no others than they import themselves."""
    if _PACKAGE in sys.modules:
        return [importlib.import_module(f"{_PACKAGE}.{name}") for name in names]
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"No module named {_PACKAGE!r}", name=_PACKAGE)
    package = ModuleType(_PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[_PACKAGE] = package
    try:
        return [importlib.import_module(f"{_PACKAGE}.{name}") for name in names]
    finally:
        # A copy, since another thread may import something this moment.
        for name in [name for name in list(sys.modules) if name.partition(".")[0] == _PACKAGE]:
            del sys.modules[name]
