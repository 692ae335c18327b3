"""One example of each answer about libraries and the house, for the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, date, datetime

from mappings.requests import Closure, LibraryPolicy
from routing.prediction import Assessment, Bin
from routing.settings import RoutingSettings
from routing.statements import Bearer, Line
from routing.statistics_table import Column, Label, Table
from search_api.house_answers import (
    AuditEntry,
    AuditList,
    ChannelEntry,
    CorrectionAnswer,
    CorrectionList,
    DeadMessage,
    DeliveryAnswer,
    NewWebhookAnswer,
    OutboxAnswer,
    PairAnswer,
    PeriodAnswer,
    PolicyAnswer,
    PredictionsAnswer,
    RevivedAnswer,
    SettingsAnswer,
    StatementAnswer,
    StatisticsAnswer,
    WebhookEntry,
    WebhookList,
)

_AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
_FIRST, _LAST = date(2026, 1, 1), date(2026, 3, 31)

POLICY = PolicyAnswer(
    "RUC",
    "中国人民大学图书馆",
    "Renmin University of China Library",
    LibraryPolicy(
        channel="iso18626",
        address="https://ill.example.edu.cn/iso18626",
        iso_version="2021-2",
        closures=(Closure("2026-07-20", "2026-08-20", "暑假"),),
        daily_cap=20,
    ),
)

CORRECTION = CorrectionAnswer(
    7, "RUC", "3K7M2Q9V", "http://127.0.0.1:8000/record/3K7M2Q9V", "红楼梦", 42, 1, "NotHeld", "本馆未收藏",
    "Not held", "", _AT, "", "",
)  # fmt: skip
CORRECTIONS = CorrectionList((CORRECTION,))

STATISTICS = StatisticsAnswer(
    _FIRST, _LAST, "RUC", "", "", _AT,
    (
        Table(
            "reach", Label("提供馆分布", "Suppliers reached"),
            (
                Column("direction", Label("方向", "Direction"), "code",
                       {"CAPITAL>BALIS": Label("首图→BALIS", "Capital Library→BALIS")}),
                Column("suppliers", Label("提供馆数", "Suppliers"), "count"),
            ),
            (("CAPITAL>BALIS", 26),),
        ),
    ),
)  # fmt: skip

PREDICTIONS = PredictionsAnswer(
    _FIRST, _LAST, "", _AT,
    Assessment(120, 104, 104, 0.52, 0.79, 0.9, 0.6, 0.11, 0.12, (Bin(0.8, 0.9, 60, 0.86, 0.85),)),
)  # fmt: skip

_PAIR = PairAnswer("CLCN", "RUC", 600, 0, 600, True, (Line("page", "members", 30, 20, 600),), ())
STATEMENT = StatementAnswer("2026-03", False, "", (_PAIR,), (), (Bearer("subsidy:CAPITAL", 600),))
PERIOD = PeriodAnswer("2026-02", _AT, 214, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")

_HOOK = WebhookEntry(3, "RUC", "https://portal.example.edu.cn/hooks", ("request.status_changed",), True, 0, _AT, "")
WEBHOOKS = WebhookList((_HOOK,))
NEW_WEBHOOK = NewWebhookAnswer("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=", _HOOK)
DELIVERY = DeliveryAnswer(3, "webhook.test")

AUDIT = AuditList(
    (
        AuditEntry("981", _AT, "4711", "session", ("admin",), "RUC", "policy.write", "library RUC", {"paused": False},
                   {"paused": True, "rerouted": 3}, "5d0c1c0f6a3e4b7f", "0"),
    ),
    "",
)  # fmt: skip

OUTBOX = OutboxAnswer(
    (ChannelEntry("iso18626", 2, 41.5), ChannelEntry("email", 0, 0.0), ChannelEntry("webhook", 0, 0.0)),
    (DeadMessage(88, "iso18626", "supplier.request", 42, _AT, 20, "it answers with status 503", _AT),),
)
REVIVED = RevivedAnswer(88, "waiting")
SETTINGS = SettingsAnswer(RoutingSettings(repeat_days=14))
