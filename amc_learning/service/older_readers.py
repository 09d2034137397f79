"""Endpoints of earlier versions.

Belongs here: their paths' endpoints. Not here: the shapes they expect (legacy).
"""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from amc_learning.contracts.documents.names import REGIME_DOCUMENT, WEIGHTS_DOCUMENT
from amc_learning.service.answers import as_json
from amc_learning.service.legacy import v2_parameters, v2_regime
from amc_learning.service.shelf import Shelf


@dataclass(frozen=True)
class OlderReaders:
    """Answers for readers of the second version."""

    shelf: Shelf

    async def parameters(self, request: Request) -> Response:
        """Weights."""
        return self.shelf.answer(request, WEIGHTS_DOCUMENT, view="v2", make=v2_parameters)

    async def regime(self, request: Request) -> Response:
        """The regime; made of two documents, and small: made each time."""
        regimes = self.shelf.current(REGIME_DOCUMENT, request)
        return as_json(v2_regime(regimes, self.shelf.current(WEIGHTS_DOCUMENT, request)))
