"""A person's own data, and API keys, as answers tell them."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from starlette.responses import Response

from search_api import answers
from store.accounts import Account
from store.api_keys import ApiKey
from store.personal_data import PersonalData

PRIVATE = {"Cache-Control": "no-store"}
"""Of every answer with personal data or a secret."""


def account_answer(account: Account, csrf: str = "") -> answers.AccountAnswer:
    return answers.AccountAnswer(
        id=str(account.id),
        login=account.login,
        roles=account.roles,
        library=account.library,
        name=account.name,
        email=account.email,
        phone=account.phone,
        card=account.card,
        language=account.language,
        sponsor=account.sponsor,
        registered_by_officer=account.registered_by != 0,
        created=_instant(account.created),
        csrf=csrf,
    )


def person_entry(account: Account) -> answers.PersonEntry:
    return answers.PersonEntry(
        id=str(account.id),
        login=account.login,
        name=account.name,
        roles=account.roles,
        library=account.library,
        active=account.active,
        can_sign_in=account.can_sign_in,
        created=_instant(account.created),
        erased=_instant(account.erased),
    )


def key_entry(key: ApiKey, now: datetime) -> answers.KeyEntry:
    return answers.KeyEntry(
        id=str(key.id),
        prefix=key.prefix,
        label=key.label,
        library=key.library,
        roles=key.roles,
        scopes=key.scopes,
        created=_instant(key.created),
        expires=_instant(key.expires),
        used=_instant(key.used),
        revoked=_instant(key.revoked),
        good=key.good(now),
    )


def export_answer(data: PersonalData, now: datetime) -> answers.ExportAnswer:
    return answers.ExportAnswer(
        account_answer(data.account),
        tuple(
            answers.OwnSession(_instant(each.created), _instant(each.seen), _instant(each.expires))
            for each in data.sessions
        ),
        tuple(key_entry(key, now) for key in data.keys),
        tuple(
            answers.OwnRequest(
                each.number,
                each.title,
                each.service,
                each.state,
                _instant(each.created),
                _instant(each.closed),
                each.note,
                each.delivery,
            )
            for each in data.requests
        ),
        tuple(
            answers.OwnPayment(each.kind, each.state, each.amount, each.request_number, _instant(each.created))
            for each in data.payments
        ),
        tuple(
            answers.OwnMail(each.kind, each.state, each.request_number, _instant(each.created), each.body)
            for each in data.mails
        ),
        tuple(
            answers.OwnRemark(each.request_number, each.event, _instant(each.created), each.words)
            for each in data.remarks
        ),
    )


def as_file(answer: answers.ExportAnswer) -> Response:
    """To be kept by whoever asked, and readable to him."""
    text = msgspec.json.format(msgspec.json.encode(answer), indent=2)
    headers = PRIVATE | {"Content-Disposition": 'attachment; filename="tongcang-my-data.json"'}
    return Response(text, 200, headers, "application/json")


def _instant(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""
