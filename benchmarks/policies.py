"""Policies and alerting rules for the benchmarks, alike in size and in what they say."""

from __future__ import annotations

from pathlib import Path

POLICY = """version: 1
description: Keeps the uploads of shop {number} in order
tasks:
"""
TASK = """  order-uploads-{number}-{part}:
    description: Remove what nobody fetched
    schedule: "{minute} {hour} 29 2 *"
    priority: low
    max_duration: 45m
    retry: {{attempts: 2, delay: 5m}}
    action: command.run
    with:
      command: [/usr/bin/find, /srv/shop-{number}/tmp, -name, "*.part", -delete]
    limits: {{items: 50000, percent: 80}}
"""

RULES = """groups:
  - name: uploads-of-shop-{number}
    interval: 30s
    rules:
"""
RULE = """      - alert: UploadsPileUp{number}n{part}
        expr: sum(rate(shop_uploads_total{{shop="{number}"}}[5m])) > 100
        for: 10m
        labels:
          severity: critical
          team: shop
        annotations:
          summary: Uploads of shop {number} pile up
          description: Somebody should look at the uploads of the shop.
"""


def policies(directory: Path, files: int, tasks: int) -> None:
    """Write policy files of so many tasks each; the tasks are scheduled, and fall due on no day of a benchmark."""
    _write(directory, files, tasks, POLICY, TASK)


def rules(directory: Path, files: int, alerts: int) -> None:
    """Write files of alerting rules for Prometheus."""
    _write(directory, files, alerts, RULES, RULE)


def _write(directory: Path, files: int, parts: int, head: str, part: str) -> None:
    directory.mkdir(mode=0o700, parents=True)
    for number in range(files):
        values = {"number": number, "minute": number % 60, "hour": number // 60 % 24}
        text = head.format(**values) + "".join(part.format(**values, part=index) for index in range(parts))
        (directory / f"{number:05}.yaml").write_text(text)
