"""What tests of the control ports share: an experience with two decisions in it."""

from __future__ import annotations

import time

import numpy as np
import pytest

from router_extproc.learning.experience import Experience
from router_extproc.learning.lesson import Lesson, packed


@pytest.fixture
def experience() -> Experience:
    """Two decisions wait for feedback: a-1 and a-2."""
    made = Experience()
    for name in ("a-1", "a-2"):
        made.remember(name, Lesson("default", 0, 0.0, f"{name}/m", packed(np.array([0.0, 1.0])), 0.5, at=time.time()))
    return made
