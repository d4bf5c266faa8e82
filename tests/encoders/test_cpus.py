from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from router_extproc.encoders.cpus import available_cpus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)), raising=False)


class TestAvailableCpus:
    @pytest.mark.parametrize(
        ("files", "expected"),
        [
            pytest.param({}, 16, id="no cgroup"),
            pytest.param({"cpu.max": "400000 100000\n"}, 4, id="version 2"),
            pytest.param({"cpu.max": "max 100000\n"}, 16, id="version 2 without a quota"),
            pytest.param({"cpu.max": "250000 100000\n"}, 2, id="a part of a CPU does not count"),
            pytest.param({"cpu.max": "50000 100000\n"}, 1, id="half a CPU is one thread"),
            pytest.param({"cpu.max": "6400000 100000\n"}, 16, id="a quota above the affinity"),
            pytest.param({"cpu.max": "100000 0\n"}, 16, id="no period"),
            pytest.param({"cpu.max": ""}, 16, id="an empty file"),
            pytest.param({"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 3, id="version 1"),
            pytest.param(
                {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 16, id="version 1 without a quota"
            ),
            pytest.param({"cpu/cpu.cfs_quota_us": "300000\n"}, 16, id="version 1 without a period"),
            pytest.param(
                {"cpu.max": "max 100000", "cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"},
                16,
                id="version 2 counts where there are both",
            ),
        ],
    )
    def test_takes_the_lesser_of_affinity_and_quota(self, tmp_path: Path, files: dict[str, str], expected: int) -> None:
        """A container's quota is what its threads have, however many cores the machine has."""
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)

        assert available_cpus(tmp_path) == expected

    def test_counts_all_where_there_is_no_affinity(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Some systems have no affinity mask."""
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
        monkeypatch.setattr(os, "cpu_count", lambda: None)

        assert available_cpus(tmp_path) == 1
