"""The demo, as a user runs it: through the real Envoy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.envoy


class TestDemo:
    def test_every_request_goes_where_it_should(self) -> None:
        """The last line on stdout is for machines."""
        done = subprocess.run(
            [sys.executable, "-m", "router_extproc.cli", "demo", "--json"], capture_output=True, text=True, check=False
        )

        told = json.loads(done.stdout.splitlines()[-1])
        assert told["as_expected"] == told["requests"] > 30, done.stderr
        assert done.returncode == 0
        assert set(told["pools"]) == {"small", "large", "code"}
