"""What can go wrong with a request, and how it is told."""

from __future__ import annotations

from routing.case import NotAllowed
from routing.citations import FIELD_WORDS
from routing.service import Incomplete
from search_api.answers import BadParameter
from search_api.problems import ProblemError, conflict, forbidden

_FORBIDDEN = frozenset(("wrong-role", "wrong-library"))
_WRONG = frozenset(
    ("reason-needed", "code-needed", "bad-data", "bad-date", "past-date", "bad-service", "bad-order", "no-such-entry",
     "on-the-chain", "cost-not-agreed", "far-date", "asked-before", "no-wish", "unknown-library",
     "unknown-record")
)  # fmt: skip


def unknown_request(number: int) -> ProblemError:
    return ProblemError(
        404,
        "unknown-request",
        f"没有编号为 {number} 的申请。请检查编号。",
        f"There is no request {number}. Check the number.",
    )


def key_conflict() -> ProblemError:
    return conflict(
        "idempotency-key-used",
        "该幂等键已用于另一申请。请换用新的键。",
        "This Idempotency-Key was used for another request. Take a new one.",
    )


def no_such_reader() -> ProblemError:
    return ProblemError(
        422, "unknown-reader", "没有这位读者，或其账户已停用。", "There is no such reader, or the account is closed."
    )


def moved_on(number: int) -> ProblemError:
    return conflict(
        "request-moved-on",
        f"申请 {number} 刚刚有了变化，您的操作没有执行。请查看最新状态后再试。",
        f"Request {number} has just changed, and nothing was done. Look at how it stands now, and try again.",
    )


def incomplete(error: Incomplete) -> ProblemError:
    """What must be told before it can be sent, field by field."""
    fields = tuple(BadParameter(field, *FIELD_WORDS.get(field, (field, field))) for field in error.fields)
    return ProblemError(
        422,
        "incomplete-citation",
        "；".join(each.zh for each in fields) + "。",
        "; ".join(each.en for each in fields) + ".",
        parameters=fields,
    )


def not_allowed(error: NotAllowed) -> ProblemError:
    """A step that the life cycle doesn't have here: for lack of a right, of something that must be told, or of time."""
    if error.code in _FORBIDDEN:
        return forbidden()
    if error.code in _WRONG:
        return ProblemError(422, error.code, error.zh, error.en)
    return conflict(error.code, error.zh, error.en)
