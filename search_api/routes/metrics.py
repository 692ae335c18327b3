"""/metrics, for those who watch over the system and nobody else."""

from __future__ import annotations

from hmac import compare_digest
from ipaddress import ip_address, ip_network

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from search_api.access.guard import require
from search_api.routes.access import CatalogueOf, MetricsOf

router = APIRouter(include_in_schema=False)

NEAR = tuple(
    ip_network(network)
    for network in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
)
"""Loopback and private networks."""

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")
"""A proxy stands between: the address that we see is its own, and says nothing of who asks."""


@router.get("/metrics", dependencies=[require("public")])  # it has a token and a rule of its own
def metrics(request: Request, catalogue: CatalogueOf, known: MetricsOf) -> Response:
    """In the text format of Prometheus, or in OpenMetrics where that is asked for."""
    token = catalogue.settings.metrics_token
    if token:
        shown = request.headers.get("authorization", "")
        if not compare_digest(shown.encode("latin-1"), f"Bearer {token}".encode()):
            return PlainTextResponse(
                "Show the token of the setting metrics_token: Authorization: Bearer …\n",
                401,
                {"WWW-Authenticate": "Bearer"},
            )
    elif not _is_near(request):
        return PlainTextResponse(
            "Only the machine itself and private networks may read this. Set metrics_token to let others in.\n", 403
        )
    text, content_type = known.exposition(request.headers.get("accept", ""))
    return Response(text, headers={"Content-Type": content_type, "Cache-Control": "no-store"})


def _is_near(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ip_address(request.client.host)
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in NEAR)
