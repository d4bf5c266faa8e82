"""Router: from a request to an outcome. The only package that knows signals, policy and selection together."""

from router_extproc.router.explanation import Explanation
from router_extproc.router.router import Router
from router_extproc.router.walk import Routing

__all__ = ["Explanation", "Router", "Routing"]
