"""What can't be requested by its nature, told to the reader before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.model import Holding, UnionRecord
from mappings.requests import LibraryPolicy, Wish

WORDS = {
    "rare_book_loan": (
        "古籍、手稿、拓片不外借，可申请复制",
        "Rare books, manuscripts and rubbings are not lent; a copy can be requested",
    ),
    "reference_only_loan": (
        "只供馆内阅览，不外借，可申请复制",
        "For use in the library only; it is not lent, but a copy can be requested",
    ),
    "online_loan": ("电子资源不能外借", "Online resources can't be lent"),
    "online_licence": (
        "电子资源按许可使用，能否复制由收藏馆决定",
        "An online resource under licence: the holding library decides whether it may be copied",
    ),
    "gone_only": ("各复本均已丢失或剔除", "Every copy is missing or withdrawn"),
    "object_copy": ("实物不能复制", "An object can't be copied"),
    "no_loans": ("收藏馆不提供外借", "The library doesn't lend"),
    "no_copies": ("收藏馆不提供复制", "The library doesn't make copies"),
    "material_not_sent": ("收藏馆不外送这类文献", "The library doesn't send out this kind of material"),
}
"""[中文, English], as a sentence of its own."""

ADVICE = frozenset({"online_licence"})
"""What is told but prevents nothing."""

_OLD = ("rare_book", "manuscript", "rubbing")
_GONE = ("missing", "withdrawn")


def requestable(
    union: UnionRecord, wish: Wish, holdings: Sequence[Holding] | None = None, policy: LibraryPolicy | None = None
) -> tuple[str, ...]:
    """Codes of what stands against having it by the service that is wished, () = nothing. `holdings` and `policy` are
    those of one library; without them it is said of all its holders together. Where the service leaves the choice,
    a copy or a loan, it is refused only where both are."""
    service = wish.service
    if holdings is None:
        holdings = [holding for holder in union.holders for holding in holder.holdings]
    everything = tuple(_of_all(union, holdings, policy))
    if _prevents(everything):
        return everything
    loan, copy = tuple(_of_loans(union, holdings, policy)), tuple(_of_copies(union, policy))
    if service == "loan":
        return everything + loan
    if service == "copy":
        return everything + copy
    if _prevents(loan) and _prevents(copy):
        return everything + loan + copy
    return everything + tuple(code for code in loan + copy if code in ADVICE)


def _prevents(codes: tuple[str, ...]) -> bool:
    return any(code not in ADVICE for code in codes)


def _of_all(union: UnionRecord, holdings: Sequence[Holding], policy: LibraryPolicy | None) -> Iterator[str]:
    statuses = list(_statuses(holdings))
    if statuses and all(status in _GONE for status in statuses):
        yield "gone_only"
    if policy is not None and union.bib.material in policy.not_materials:
        yield "material_not_sent"


def _of_loans(union: UnionRecord, holdings: Sequence[Holding], policy: LibraryPolicy | None) -> Iterator[str]:
    present = [status for status in _statuses(holdings) if status not in _GONE]
    if union.bib.material in _OLD:
        yield "rare_book_loan"
    elif union.bib.carrier == "online":
        yield "online_loan"
    elif present and all(status == "reference" for status in present):
        yield "reference_only_loan"
    if policy is not None and not policy.lends:
        yield "no_loans"


def _of_copies(union: UnionRecord, policy: LibraryPolicy | None) -> Iterator[str]:
    if union.bib.material == "object":
        yield "object_copy"
    elif union.bib.carrier == "online":
        yield "online_licence"
    if policy is not None and not policy.copies:
        yield "no_copies"


def _statuses(holdings: Sequence[Holding]) -> Iterator[str]:
    """Of each copy; an item that tells none has that of its holding."""
    for holding in holdings:
        if holding.items:
            yield from (item.status or holding.status for item in holding.items)
        else:
            yield holding.status
