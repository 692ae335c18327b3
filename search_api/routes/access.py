"""What a route is handed: catalogue, pages and metrics of the app that it runs in.

They are coroutines though they wait for nothing: a plain function would be called in a thread of its own.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from search_api.catalogue import Catalogue
from search_api.metrics import Metrics
from search_api.pages.rendering import Pages
from search_api.requesting import Requesting


async def _catalogue(request: Request) -> Catalogue:
    found: Catalogue = request.app.state.catalogue
    return found


async def _pages(request: Request) -> Pages:
    found: Pages = request.app.state.pages
    return found


async def _metrics(request: Request) -> Metrics:
    found: Metrics = request.app.state.metrics
    return found


async def _requesting(request: Request) -> Requesting:
    found: Requesting = request.app.state.requesting
    return found


CatalogueOf = Annotated[Catalogue, Depends(_catalogue)]
PagesOf = Annotated[Pages, Depends(_pages)]
MetricsOf = Annotated[Metrics, Depends(_metrics)]
RequestingOf = Annotated[Requesting, Depends(_requesting)]
