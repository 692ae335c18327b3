"""Who takes part, and the way a request takes to each: consortia, nodes, branches behind a gateway, partners.

Pure. A *path* is the chain of libraries through which a request goes, the one that is asked last. Crossing from a
BALIS member to the Capital Library adds a node (学科服务馆), a public branch stands behind its gateway (中间节点).
Where such a hop passes requests on by itself (`LibraryPolicy.gateway_automatic`) the last library is asked at once
and the hop is only settled for; where people do it there, the hop is asked, and forwards (routing.md §2.2.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from msgspec import Struct

from mappings.model import Library
from mappings.requests import LibraryPolicy

EXTERNAL = "EXTERNAL"
"""Consortium of partners whose holdings are not harvested: NLC, Shanghai Library, NSTL, CASHL."""


class Way(Struct, frozen=True):
    """How a request gets to a library."""

    path: tuple[str, ...]  # all hops, the library last
    manual: tuple[str, ...] = ()  # of them, those at which people pass it on, in their order

    @property
    def asked(self) -> str:
        """Who gets the message: the first hop with people at it, else the library itself."""
        return self.manual[0] if self.manual else self.path[-1]


class Network(Struct, frozen=True, dict=True):
    """All libraries and how they take part."""

    libraries: Mapping[str, Library]
    policies: Mapping[str, LibraryPolicy]

    def policy(self, symbol: str) -> LibraryPolicy:
        return self.policies.get(symbol) or _PLAIN

    def side(self, symbol: str) -> str:
        """The consortium; "" = the library is not known."""
        known = self.libraries.get(symbol)
        return known.consortium if known else ""

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """The subject-service nodes, in the order of their symbols."""
        return tuple(sorted(symbol for symbol, each in self.libraries.items() if each.role == "node"))

    @cached_property
    def capital(self) -> str:
        """The library whose officers search for the Capital Library's side; "" = there is none."""
        found = sorted(symbol for symbol, each in self.libraries.items() if each.role == "capital")
        return found[0] if found else ""

    @cached_property
    def externals(self) -> tuple[str, ...]:
        return tuple(sorted(symbol for symbol, each in self.libraries.items() if each.consortium == EXTERNAL))

    def requesting(self, library: str) -> tuple[str, str]:
        """(requesting library, branch) of a reader of that library: a public branch asks through its gateway."""
        known = self.libraries.get(library)
        if known is None or known.role != "branch":
            return library, ""
        return self.policy(library).gateway or self.capital or library, library

    def node_for(self, requester: str, subject: str) -> str:
        """The node through which a member library goes to the other side; "" = none is needed, or there is none.

        A node is its own. Else it is the one that takes the subject, else the first."""
        if requester in self.nodes or not self.nodes:
            return ""
        taking = [node for node in self.nodes if subject and subject in self.policy(node).subjects]
        return taking[0] if taking else self.nodes[0]

    def way(self, requester: str, supplier: str, subject: str) -> Way:
        """The hops from the requesting library to the supplier."""
        hops: list[str] = []
        known = self.libraries.get(supplier)
        crosses = self.side(requester) == "BALIS" and known is not None and known.consortium != "BALIS"
        if crosses and (node := self.node_for(requester, subject)):
            hops.append(node)
        behind = self.gateway_of(supplier)
        if behind and behind not in (requester, supplier, *hops):
            hops.append(behind)
        manual = tuple(hop for hop in hops if not self.policy(hop).gateway_automatic)
        return Way((*hops, supplier), manual)

    def gateway_of(self, symbol: str) -> str:
        """The library behind which it stands (中间节点); "" = none."""
        known = self.libraries.get(symbol)
        return self.policy(symbol).gateway or (self.capital if known and known.role == "branch" else "")

    def onward(self, path: Sequence[str], to: str, toward: str = "") -> tuple[Way, str]:
        """The hops by which the last library of a path passes a request on to another, and the library beyond the one
        that is asked then ("" = none). `toward`: where the request was headed."""
        behind = self.gateway_of(to)
        if behind and behind != to and behind not in path:
            way = Way((behind, to), () if self.policy(behind).gateway_automatic else (behind,))
            return way, to if way.manual else ""
        return Way((to,)), toward if toward != to and self.gateway_of(toward) == to else ""

    def desk_for(self, requester: str, subject: str, after: str = "") -> str:
        """Whose officers search for a request that nothing was found for (代查代检): those of the requester's own side;
        and where those of `after` have had it for too long, the next ones. "" = nobody is left."""
        if self.side(requester) == "BALIS":
            first = requester if requester in self.nodes else self.node_for(requester, subject)
            order = [first, *self.nodes, self.capital]
        else:
            order = [self.capital, *self.nodes]
        desks = list(dict.fromkeys(desk for desk in order if desk))
        following = desks[desks.index(after) + 1 :] if after in desks else desks
        return following[0] if following else ""


_PLAIN = LibraryPolicy()
