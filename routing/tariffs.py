"""Tariffs (收费标准): which rule prices a charge. A tariff is data (tariffs.yaml), validated when it is loaded.

A tariff that was loaded has a rule for every charge on every day: what was supplied can always be reckoned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

from msgspec import Struct

from mappings.model import MATERIALS
from mappings.requests import LEVELS
from mappings.settlement import ITEMS, Party, Supply
from mappings.source_text import CrosswalkError, Node, guess, parse_yaml
from routing.iso_days import iso_day

ANY = "any"
CHARGES = ("supply", "search", "reader")
SERVICES = ("copy", "loan")
PLACES = ("domestic", "abroad")
EXTRA_MATERIALS = ("microform", "standard", "patent")
"""That tariffs tell apart and the catalogue does not."""

CONSORTIA = ("BALIS", "CAPITAL", "EXTERNAL")

_PRICED = tuple(item for item in ITEMS if item != "cost")
_DEAREST = Decimal(1_000_000)
_FOREVER = "9999-12-31"
_RULE = (
    "name", "charge", "from", "until", "payer", "payee", "material", "service", "level", "place", "prices", "subsidy",
    "source", "assumption",
)  # fmt: skip


class TariffError(Exception):
    """A tariff is wrong. The message names file, line and rule: `tariffs.yaml:12: between_members.prices: …`."""


class Rule(Struct, frozen=True):
    """A price and what it is for. `any` = whatever it is."""

    name: str
    charge: str = "supply"  # one of CHARGES
    first: str = ""  # ISO dates, both included; "" = as long as there have been prices
    last: str = _FOREVER
    payer: str = ANY  # symbol or consortium
    payee: str = ANY
    material: str = ANY
    service: str = ANY
    level: str = ANY
    place: str = ANY
    prices: tuple[tuple[str, int], ...] = ()  # item and fen, in the order of ITEMS
    subsidy: str = "consortium"  # of the reader's charge, who bears the rest: consortium, library
    source: str = ""
    assumption: str = ""  # why, where there is no source

    @property
    def rank(self) -> tuple[bool | int | str, ...]:
        """The greatest of those that fit is the one that counts."""
        own = (_precise(self.payee), _precise(self.payer))
        return (*own, *(value != ANY for value in (self.material, self.service, self.level, self.place)), self.first)


class TopUpBonus(Struct, frozen=True):
    """充值优惠: who pays in so much gets something on top."""

    name: str
    at_least: int
    bonus: int
    paid_by: str  # consortium or library
    first: str = ""
    last: str = _FOREVER


class Reward(Struct, frozen=True):
    """提交申请有奖: a request is worth something to its reader."""

    name: str
    amount: int
    paid_by: str
    at_most: int = 0  # requests of one reader that get it; 0 = all
    first: str = ""
    last: str = _FOREVER


class Tariff(Struct, frozen=True):
    rules: tuple[Rule, ...]
    bonuses: tuple[TopUpBonus, ...] = ()
    rewards: tuple[Reward, ...] = ()

    def rule(self, charge: str, payer: Party, payee: Party, supply: Supply, day: str) -> Rule:
        """The rule that prices this charge between the two on that day (ISO)."""
        fitting = (rule for rule in self.rules if _fits(rule, charge, payer, payee, supply, day))
        return max(fitting, key=lambda rule: rule.rank)


@cache
def seed() -> Tariff:
    """The tariff that comes with the program."""
    return load(Path(__file__).with_name("tariffs.yaml"))


def load(path: Path) -> Tariff:
    """Raises TariffError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TariffError(f"{path}: can't be read: {error}") from None
    return parse(text, path.name)


def parse(text: str, file: str) -> Tariff:
    """The tariff in a YAML text. Raises TariffError with file, line and rule."""
    if not text.strip():
        raise TariffError(f"{file}:1: the file is empty; it needs `rules:`")
    try:
        return _tariff(parse_yaml(text, file))
    except CrosswalkError as error:
        raise TariffError(str(error)) from None


# ---------------------------------------------------------------------------------------------- which rule fits


def _precise(party: str) -> int:
    return 0 if party == ANY else 1 if party in CONSORTIA else 2


def _fits(rule: Rule, charge: str, payer: Party, payee: Party, supply: Supply, day: str) -> bool:
    place = "abroad" if supply.abroad else "domestic"
    return (
        rule.charge == charge
        and rule.first <= day <= rule.last
        and rule.payer in (ANY, payer.symbol, payer.side)
        and rule.payee in (ANY, payee.symbol, payee.side)
        and rule.material in (ANY, supply.material)
        and rule.service in (ANY, supply.service)
        and rule.level in (ANY, supply.level)
        and rule.place in (ANY, place)
    )


# ---------------------------------------------------------------------------------------------- reading


def _tariff(root: Node) -> Tariff:
    table = root.table("")
    for key, node in table.items():
        if key not in ("rules", "top_up", "reward"):
            raise node.fail(key, f"a tariff has rules, top_up and reward{guess(key, ('rules', 'top_up', 'reward'))}")
    if "rules" not in table:
        raise root.fail("", "a tariff needs `rules:`")
    nodes = _list(table["rules"], "rules")
    rules = [_rule(node) for node in nodes]
    _no_doubles(rules, nodes)
    _covers_everything(rules, table["rules"])
    bonuses = tuple(_bonus(node) for node in _list(table["top_up"], "top_up")) if "top_up" in table else ()
    rewards = tuple(_reward(node) for node in _list(table["reward"], "reward")) if "reward" in table else ()
    return Tariff(tuple(rules), bonuses, rewards)


def _list(node: Node, name: str) -> list[Node]:
    if not isinstance(node.value, list):
        raise node.fail(name, "a list is wanted here, each part beginning with -")
    return node.value


def _rule(node: Node) -> Rule:
    table = _known(node, "rules", _RULE)
    name = _name(node, "rules")
    charge = _one_of(table, name, "charge", CHARGES, "supply")
    first, last = _dates(table, name)
    if not table.keys() & {"source", "assumption"}:
        raise node.fail(name, "say where the price is from (source:), or why it is assumed (assumption:)")
    if "subsidy" in table and charge != "reader":
        raise table["subsidy"].fail(f"{name}.subsidy", "only the reader's charge has one")
    return Rule(
        name=name,
        charge=charge,
        first=first,
        last=last,
        payer=_text(table, name, "payer") or ANY,
        payee=_text(table, name, "payee") or ANY,
        material=_one_of(table, name, "material", (*MATERIALS, *EXTRA_MATERIALS, ANY), ANY),
        service=_one_of(table, name, "service", (*SERVICES, ANY), ANY),
        level=_one_of(table, name, "level", (*LEVELS, ANY), ANY),
        place=_one_of(table, name, "place", (*PLACES, ANY), ANY),
        prices=_prices(node, table, name, charge),
        subsidy=_one_of(table, name, "subsidy", ("consortium", "library"), "consortium"),
        source=_text(table, name, "source"),
        assumption=_text(table, name, "assumption"),
    )


def _prices(node: Node, table: dict[str, Node], name: str, charge: str) -> tuple[tuple[str, int], ...]:
    if "prices" not in table:
        raise node.fail(name, "prices: is missing")
    where = table["prices"]
    found = where.table(f"{name}.prices")
    for item, price in found.items():
        if item not in _PRICED:
            raise price.fail(f"{name}.prices", f"'{item}' is none of {', '.join(_PRICED)}{guess(item, _PRICED)}")
    if not found.keys() - {"rush"}:
        raise where.fail(f"{name}.prices", "a price is wanted that holds for every request, not for rush alone")
    if charge == "search" and found.keys() - {"search"}:
        raise where.fail(f"{name}.prices", "a search is priced as a whole: search")
    return tuple((item, _fen(found[item], f"{name}.prices.{item}")) for item in _PRICED if item in found)


def _bonus(node: Node) -> TopUpBonus:
    table = _known(node, "top_up", ("name", "from", "until", "at_least", "bonus", "paid_by"))
    name = _name(node, "top_up")
    first, last = _dates(table, name)
    return TopUpBonus(
        name, _money(node, table, name, "at_least"), _money(node, table, name, "bonus"),
        _payer(node, table, name), first, last,
    )  # fmt: skip


def _reward(node: Node) -> Reward:
    table = _known(node, "reward", ("name", "from", "until", "amount", "at_most", "paid_by"))
    name = _name(node, "reward")
    first, last = _dates(table, name)
    at_most = _text(table, name, "at_most") or "0"
    if not at_most.isdecimal():
        raise table["at_most"].fail(f"{name}.at_most", f"{at_most!r} is no number of requests")
    return Reward(
        name, _money(node, table, name, "amount"), _payer(node, table, name), int(at_most), first, last
    )  # fmt: skip


# ---------------------------------------------------------------------------------------------- parts of a rule


def _known(node: Node, where: str, names: Iterable[str]) -> dict[str, Node]:
    table = node.table(where)
    names = tuple(names)
    for key, value in table.items():
        if key not in names:
            raise value.fail(where, f"'{key}' is none of {', '.join(names)}{guess(key, names)}")
    return table


def _name(node: Node, where: str) -> str:
    name = _text(node.table(where), where, "name")
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise node.fail(where, "each has a name: of letters, digits and _")
    return name


def _text(table: dict[str, Node], name: str, key: str) -> str:
    return table[key].text(f"{name}.{key}") if key in table else ""


def _one_of(table: dict[str, Node], name: str, key: str, known: tuple[str, ...], default: str) -> str:
    value = _text(table, name, key) or default
    if value not in known:
        raise table[key].fail(f"{name}.{key}", f"'{value}' is none of {', '.join(known)}{guess(value, known)}")
    return value


def _dates(table: dict[str, Node], name: str) -> tuple[str, str]:
    found = []
    for key, default in (("from", ""), ("until", _FOREVER)):
        text = _text(table, name, key)
        if text:
            try:
                iso_day(text)
            except ValueError:
                raise table[key].fail(f"{name}.{key}", f"{text!r} is no date: write it as 2026-12-31") from None
        found.append(text or default)
    if found[0] > found[1]:
        raise table["until"].fail(f"{name}.until", f"it ends ({found[1]}) before it begins ({found[0]})")
    return found[0], found[1]


def _fen(node: Node, rule: str) -> int:
    text = node.text(rule)
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise node.fail(rule, f"{text!r} is no amount of yuan: write it as 0.30") from None
    if not value.is_finite() or not 0 <= value <= _DEAREST or value * 100 != int(value * 100):
        raise node.fail(rule, f"{text!r} is no amount of yuan: it is 0 or more, with whole fen")
    return int(value * 100)


def _money(node: Node, table: dict[str, Node], name: str, key: str) -> int:
    if key not in table:
        raise node.fail(name, f"{key}: is missing")
    return _fen(table[key], f"{name}.{key}")


def _payer(node: Node, table: dict[str, Node], name: str) -> str:
    paid_by = _text(table, name, "paid_by")
    if not paid_by:
        raise node.fail(name, "paid_by: is missing, the consortium or library that bears it")
    return paid_by


def _no_doubles(rules: list[Rule], nodes: list[Node]) -> None:
    """Of two rules that fit alike, nobody could tell which counts."""
    names: dict[str, Node] = {}
    conditions: dict[tuple[str, ...], Rule] = {}
    for rule, node in zip(rules, nodes, strict=True):
        if rule.name in names:
            raise node.fail(rule.name, f"a rule of that name stands in line {names[rule.name].line} already")
        names[rule.name] = node
        key = (
            rule.charge, rule.first, rule.payer, rule.payee, rule.material, rule.service, rule.level, rule.place,
        )  # fmt: skip
        if key in conditions:
            raise node.fail(rule.name, f"it is for the same, and from the same day, as {conditions[key].name}")
        conditions[key] = rule


def _covers_everything(rules: list[Rule], node: Node) -> None:
    for charge, service, level in _cases():
        if not any(
            rule.charge == charge
            and not rule.first
            and rule.last == _FOREVER
            and {rule.payer, rule.payee, rule.material, rule.place} == {ANY}
            and rule.service in (ANY, service)
            and rule.level in (ANY, level)
            for rule in rules
        ):
            told = {"supply": f"supplies by {service}", "search": "searches", "reader": "what readers pay"}[charge]
            raise node.fail(
                "rules", f"there is no rule for {told} ({level}) that holds for anybody on any day: add one without "
                "from, payer, payee, material, place",
            )  # fmt: skip


def _cases() -> Iterator[tuple[str, str, str]]:
    for charge in CHARGES:
        for service in SERVICES:
            for level in LEVELS:
                yield charge, service, level
