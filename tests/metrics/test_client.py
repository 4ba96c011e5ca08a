"""prometheus_client in parts."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from agent.metrics.client import Client

FRESH = """
import json, sys
from agent.metrics.client import Client
client = Client()
text = client.write([client.family("a_seconds", "Help.", "gauge", "seconds")])
lean = [name for name in ("ssl", "http.server", "asyncio", "prometheus_client") if name in sys.modules]
import prometheus_client
whole = prometheus_client.generate_latest(prometheus_client.CollectorRegistry()).decode()
print(json.dumps({"text": text, "lean": lean, "whole": whole, "gauge": str(prometheus_client.Gauge)}))
"""


def test_parts_bring_no_server_and_leave_the_whole_to_others() -> None:
    run = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=True)
    told = json.loads(run.stdout)
    assert told["lean"] == []
    assert told["text"] == "# HELP a_seconds Help.\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\n"
    assert (told["whole"], told["gauge"]) == ("", "<class 'prometheus_client.metrics.Gauge'>")


BUSY = """
import itertools, sys, threading
from agent.metrics.client import Client
sys.setswitchinterval(1e-6)
over = threading.Event()

def import_things():
    for n in itertools.takewhile(lambda _: not over.is_set(), itertools.count()):
        sys.modules[f"module_{n}"] = sys

other = threading.Thread(target=import_things)
other.start()
try:
    for _ in range(5):
        Client()
finally:
    over.set()
    other.join()
"""


def test_parts_are_loaded_while_another_thread_imports() -> None:
    run = subprocess.run([sys.executable, "-c", BUSY], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize(
    ("number", "text"), [(1.0, "1.0"), (0.25, "0.25"), (1e9, "1e+09"), (float("inf"), "+Inf"), (float("nan"), "NaN")]
)
def test_number_is_written_as_prometheus_does(number: float, text: str) -> None:
    assert Client().number(number) == text


def test_family_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="name"):
        Client().family("", "Help.", "gauge", "")
