"""What libraries and the house set and look after: policies, corrections, settings, outbox, audit. Each change is one
transaction with one entry in the audit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from mappings.requests import LibraryPolicy
from routing.correcting import settle_correction
from routing.joining import change_for_audit
from routing.settings import RoutingSettings, load_network, load_settings, save_settings
from search_api.access.principal import Principal
from search_api.house_answers import (
    AuditEntry,
    AuditList,
    ChannelEntry,
    CorrectionAnswer,
    CorrectionList,
    DeadMessage,
    OutboxAnswer,
    PolicyAnswer,
    RevivedAnswer,
    SettingsAnswer,
)
from search_api.policy import Facts, allowed, demand, sees_all
from search_api.policy_checks import require_policy, require_settings
from search_api.presenting import library_names, record_url
from search_api.problems import conflict, unknown_thing
from search_api.requesting import Requesting
from search_api.vocabulary import words
from store import audit, outbox, performance
from store.database import Unit
from store.performance import Correction
from store.policies import policy_of

PAGE = 100


class House:
    """Thread-safe; keeps nothing."""

    def __init__(self, requesting: Requesting) -> None:
        self.database = requesting.database
        self.service = requesting.service
        self.base_url = requesting.catalogue.settings.base_url

    # ------------------------------------------------------------------------------------------ policies

    def policy(self, who: Principal, symbol: str) -> PolicyAnswer:
        demand(who, "policy.read", Facts(library=symbol))
        with self.database.read() as unit:
            return self._policy_answer(unit, symbol)

    def put_policy(self, who: Principal, symbol: str, policy: LibraryPolicy, request_id: str) -> PolicyAnswer:
        """Where the library closes by it, whatever it has not looked at yet goes on to the next one."""
        demand(who, "policy.write", Facts(library=symbol))
        with self.database.write() as unit:
            libraries = load_network(unit).libraries
            if symbol not in libraries:
                raise unknown_thing()
            require_policy(symbol, policy, libraries)
            now, before = self.service.clock(), policy_of(unit, symbol)
            if _gateway(before) != _gateway(policy):
                demand(who, "policy.gateway", Facts(library=symbol))
            rerouted = self.service.change_policy(unit, symbol, policy)
            told = difference(*change_for_audit(before, policy))
            after = told[1] | ({"rerouted": rerouted} if rerouted else {})
            audit.record(unit, who.actor(request_id), "policy.write", f"library {symbol}", now, told[0], after)
            return self._policy_answer(unit, symbol, rerouted)

    def _policy_answer(self, unit: Unit, symbol: str, rerouted: int = 0) -> PolicyAnswer:
        network = load_network(unit)
        if symbol not in network.libraries:
            raise unknown_thing()
        name = library_names(network.libraries, symbol)
        return PolicyAnswer(symbol, name.zh, name.en, network.policy(symbol), rerouted)

    # ------------------------------------------------------------------------------------------ corrections

    def corrections(self, who: Principal, library: str, *, closed: bool) -> CorrectionList:
        """Of a library; "" = of one's own, or of all for those who see all."""
        library = library or ("" if sees_all(who, "correction.read") else who.library)
        demand(who, "correction.read", Facts(library=library))
        with self.database.read() as unit:
            found = performance.corrections_of(unit, library, closed=closed)
        return CorrectionList(tuple(self._correction(each) for each in found))

    def close_correction(
        self, who: Principal, number: int, result: str, note: str, request_id: str
    ) -> CorrectionAnswer:
        """Another library's is as unknown as one that there isn't."""
        with self.database.write() as unit:
            found = performance.get_correction(unit, number)
            if found is None or not allowed(who, "correction.close", Facts(library=found.library)):
                raise unknown_thing()
            now = self.service.clock()
            if not settle_correction(unit, number, result, note, now):
                raise conflict("closed-already", "这一更正已经处理过。", "This correction was closed already.")
            after = {"result": result}
            audit.record(unit, who.actor(request_id), "correction.close", f"correction {number}", now, {}, after)
            done = performance.get_correction(unit, number)
        assert done is not None
        return self._correction(done)

    def _correction(self, its: Correction) -> CorrectionAnswer:
        code = words("reasons", its.code)
        return CorrectionAnswer(
            its.id, its.library, its.record, record_url(self.base_url, its.record) if its.record else "", its.title,
            its.request_id, its.entry, its.code, code.zh, code.en, its.wanted, its.opened, its.result, its.note,
            its.closed,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------ the routing

    def settings(self, who: Principal) -> SettingsAnswer:
        demand(who, "routing.read")
        with self.database.read() as unit:
            return SettingsAnswer(load_settings(unit))

    def put_settings(self, who: Principal, settings: RoutingSettings, request_id: str) -> SettingsAnswer:
        demand(who, "routing.write")
        require_settings(settings)
        with self.database.write() as unit:
            now, before = self.service.clock(), load_settings(unit)
            save_settings(unit, settings, now)
            told = difference(msgspec.to_builtins(before), msgspec.to_builtins(settings))
            audit.record(unit, who.actor(request_id), "routing.write", "routing settings", now, *told)
        return SettingsAnswer(settings)

    # ------------------------------------------------------------------------------------------ the outbox

    def outbox(self, who: Principal) -> OutboxAnswer:
        demand(who, "outbox.read")
        with self.database.read() as unit:
            lag, dead = outbox.outbox_lag(unit, self.service.clock()), outbox.dead_messages(unit)
        return OutboxAnswer(
            tuple(ChannelEntry(each.channel, each.messages, round(each.seconds, 1)) for each in lag),
            tuple(
                DeadMessage(
                    each.id, each.channel, each.kind, each.request_id, each.created, each.attempts, each.last_error,
                    each.ended,
                )
                for each in dead
            ),
        )  # fmt: skip

    def revive(self, who: Principal, number: int, request_id: str) -> RevivedAnswer:
        demand(who, "outbox.revive")
        with self.database.write() as unit:
            now = self.service.clock()
            if not outbox.revive_message(unit, number, now):
                if outbox.get_message(unit, number) is None:
                    raise unknown_thing()
                raise conflict("not-dead", "这条消息并未放弃发送。", "The message was not given up.")
            told = {"state": "dead"}, {"state": "waiting"}
            audit.record(unit, who.actor(request_id), "outbox.revive", f"message {number}", now, *told)
        return RevivedAnswer(number, "waiting")

    # ------------------------------------------------------------------------------------------ the audit

    def audit(self, who: Principal, *, library: str, object: str, action: str, before: int) -> AuditList:
        demand(who, "audit.read")
        with self.database.read() as unit:
            found = audit.entries(unit, library=library, object=object, action=action, before_id=before, limit=PAGE + 1)
        shown = tuple(_audit_entry(each) for each in found[:PAGE])
        return AuditList(shown, shown[-1].id if len(found) > PAGE else "")


def _audit_entry(its: audit.Entry) -> AuditEntry:
    return AuditEntry(
        str(its.id), its.at, str(its.who), its.way, its.roles, its.library, its.action, its.object, its.before,
        its.after, its.request_id, str(its.key_id),
    )  # fmt: skip


def _gateway(policy: LibraryPolicy) -> tuple[str, bool]:
    return policy.gateway, policy.gateway_automatic


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What has changed, as it was and as it is; None = as by default."""
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in changed}, {name: after.get(name) for name in changed}
