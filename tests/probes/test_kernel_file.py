"""Files that stay open: whole at each reading, whatever their length."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.probes.kernel_file import KernelFile


@pytest.mark.parametrize("length", [0, 1, 2047, 2048, 2049, 4096, 65_535, 65_536, 65_537, 300_000])
def test_kernel_file_of_any_length_is_read_whole_and_again(tmp_path: Path, length: int) -> None:
    path = tmp_path / "file"
    content = bytes(number % 251 for number in range(length))
    path.write_bytes(content)
    file = KernelFile(str(path))
    assert file.read() == content
    path.write_bytes(content[: length // 2])
    assert file.read() == content[: length // 2]


def test_kernel_file_of_many_pages_of_the_kernel_is_read_whole() -> None:
    table = KernelFile("/proc/kallsyms").read()
    with open("/proc/kallsyms", "rb") as file:
        assert table == file.read()
