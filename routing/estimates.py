"""What may be expected of a library: chance and days of a fill, from what became of similar requests before.

Outcomes are counted in tallies, one for each key from the finest (library × material × subject × service × level) to
the consortium. Keys are nested, each inside the next, and an estimate shrinks each level to the one above it, which is
counted *without* the finer one: so every request weighs once, and a library of which nothing is known is told by the
others. A tally's counts fade with a half-life; adding outcomes in another order gives the same tally.

p = c·a·q: the library holds what its record says (c), has it on the shelf (a), and sends it when both are so (q).
Days are working days of the library; `now` and `day` are days since 1970-01-01, as a float.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, NamedTuple

from msgspec import Meta, Struct

HALF_LIFE = 180.0
LEAST_DAYS = 0.02  # ten minutes of office time; a reply that is faster counts as this, since its logarithm is taken

UNCOUNTED = ("Incomplete", "Duplicate")
"""Refusals that say something of the request, nothing of the library."""
MISSES = ("NotHeld", "NotOnShelf")
"""Refusals that say something of the holding: they have a time, but leave the library's willingness alone."""

LEVELS = ("similar", "material", "service", "library", "type", "consortium")
"""What the keys of `keys_of` stand for, finest first; the prior comes after them."""
OWN_LEVELS = LEVELS[:4]
"""Those that count the library's own requests."""

_ROOT_2, _ROOT_2_PI = math.sqrt(2), math.sqrt(2 * math.pi)


Positive = Annotated[float, Meta(gt=0)]


class Prior(Struct, frozen=True, forbid_unknown_fields=True):
    """What is assumed where nobody is known: between the study's two directions and its 2-day norm (routing.md §1)."""

    q: Annotated[float, Meta(gt=0, lt=1)] = 0.6
    t: Positive = 2.5  # median working days to a fill
    r: Positive = 2.0  # median working days to a refusal
    spread: Positive = 0.8  # sigma of their logarithms


class EstimateSettings(Struct, frozen=True, forbid_unknown_fields=True):
    k: Positive = 8.0  # requests that the coarser level is worth against the finer
    half_life: Positive = HALF_LIFE  # days
    prior: Prior = Prior()


class Tally(Struct, frozen=True, omit_defaults=True):
    """Faded counts of what became of the requests of one key; `as_of` is the day to which they are faded."""

    asks: float = 0.0  # = fills + refusals + silences + misses
    fills: float = 0.0
    refusals: float = 0.0  # that tell of the library's willingness
    silences: float = 0.0
    misses: float = 0.0  # NotHeld, NotOnShelf
    fill_days: float = 0.0  # sum of the days themselves, for the average that people are told
    fill_logs: float = 0.0  # sums of the logarithms of days to a fill (of `fills` requests), and of their squares
    fill_squares: float = 0.0
    refusal_logs: float = 0.0  # the same of refusals, silences and misses together
    refusal_squares: float = 0.0
    as_of: float = 0.0


_COUNTS = tuple(field for field in Tally.__struct_fields__ if field != "as_of")


class HoldingTrust(Struct, frozen=True, omit_defaults=True):
    """How far one holding is believed: that it is there (c), and not out, lost or at the binder's (a)."""

    c: float = 0.85
    a: float = 0.85


_UNKNOWN = HoldingTrust()
_USUAL = EstimateSettings()


class Estimate(Struct, frozen=True, omit_defaults=True):
    """What is expected of a library for one request."""

    p: float = 0.4335  # = c·a·q
    c: float = 0.85
    a: float = 0.85
    q: float = 0.6
    t: float = 3.44  # mean working days to a fill, without queue and hops
    r: float = 2.75  # mean working days to a refusal
    spread: float = 0.8  # sigma of log t
    spread_r: float = 0.8  # sigma of log r
    strength: float = 8.0  # requests that q is worth, those of the coarser levels included: its posterior's weight
    n: float = 0.0  # similar requests (faded), of the level that `basis` names
    fills: float = 0.0  # of them filled
    mean_days: float = 0.0  # arithmetic mean of the days of those; 0 = none was filled
    basis: str = "prior"  # the level that weighed most: one of LEVELS, or prior


def faded(tally: Tally, now: float, half_life: float = HALF_LIFE) -> Tally:
    """The tally as it weighs at `now`. One of the future (clocks differ) stays as it is: nothing ever grows."""
    if now <= tally.as_of:
        return tally
    weight = 0.5 ** ((now - tally.as_of) / half_life)
    values = {name: getattr(tally, name) * weight for name in _COUNTS}
    return Tally(**values, as_of=now)


def _added(tally: Tally, day: float, half_life: float, counts: Mapping[str, float]) -> Tally:
    """With an outcome of `day` counted in; one that comes late is counted as faded as it would be by now."""
    tally = faded(tally, day, half_life)
    weight = 0.5 ** ((tally.as_of - day) / half_life)
    sums = {name: getattr(tally, name) + weight * counts.get(name, 0.0) for name in _COUNTS}
    return Tally(**sums, as_of=tally.as_of)


def filled(tally: Tally, days: float, day: float, half_life: float = HALF_LIFE) -> Tally:
    """With a request counted that was filled on `day`, after `days` working days."""
    log = math.log(max(days, LEAST_DAYS))
    counts = {"asks": 1.0, "fills": 1.0, "fill_days": max(days, 0.0), "fill_logs": log, "fill_squares": log * log}
    return _added(tally, day, half_life, counts)


def refused(tally: Tally, days: float, code: str, day: float, half_life: float = HALF_LIFE) -> Tally:
    """With a request counted that was refused on `day` for the reason `code`, after `days` working days."""
    if code in UNCOUNTED:
        return tally
    kind = "misses" if code in MISSES else "refusals"
    return _added(tally, day, half_life, _refusal(kind, days))


def silent(tally: Tally, days: float, day: float, half_life: float = HALF_LIFE) -> Tally:
    """With a request counted whose clock ran out after `days` working days: a refusal that took as long."""
    return _added(tally, day, half_life, _refusal("silences", days))


def _refusal(kind: str, days: float) -> dict[str, float]:
    log = math.log(max(days, LEAST_DAYS))
    return {"asks": 1.0, kind: 1.0, "refusal_logs": log, "refusal_squares": log * log}


def keys_of(
    library: str, type: str, consortium: str, material: str, subject: str, service: str, level: str
) -> tuple[str, ...]:
    """Keys of the tallies to which such a request counts, finest first, as LEVELS names them. They are stable, tell
    different values apart, and have 200 characters at most."""
    chain = (
        ("L", library, service, level, material, subject),
        ("L", library, service, level, material),
        ("L", library, service, level),
        ("L", library),
        ("T", consortium, type),
        ("C", consortium),
    )
    return tuple(_key(parts) for parts in chain)


def _key(parts: Iterable[str]) -> str:
    key = "/".join(part.replace("%", "%25").replace("/", "%2F") for part in parts)
    return key if len(key) <= 200 else f"{key[:150]}#{sha256(key.encode()).hexdigest()[:40]}"


CONFIDENCE = {"yes": 0.95, "unknown": 0.85, "no": 0.02}
"""That the library holds what is wanted, by what its record says of the volume, issue or year."""
ON_SHELF = {"available": 0.95, "reference": 0.9, "": 0.85, "on_loan": 0.3, "in_process": 0.3, "missing": 0.03,
            "withdrawn": 0.01}  # fmt: skip
"""That it can be had now, by the status of the holding (vocabulary of mappings.model.Item.status)."""
REFERENCE_LOAN = 0.05  # copies are made of what doesn't leave the house, loans are not
HELD_HALF_LIFE = 720.0  # a wrong record stays wrong until it is corrected
SHELF_HALF_LIFE = 45.0  # a book comes back


class HoldingPast(Struct, frozen=True, omit_defaults=True):
    """Faded counts of what requests for one holding found out about it; `as_of` is the day to which they are faded."""

    held: float = 0.0
    not_held: float = 0.0
    on_shelf: float = 0.0
    off_shelf: float = 0.0
    as_of: float = 0.0


def found_out(past: HoldingPast, outcome: str, day: float) -> HoldingPast:
    """With the outcome of a request for that holding: `fill` raises both c and a, `NotHeld` lowers c, `NotOnShelf`
    lowers a (and says that it is held); any other says nothing of the holding."""
    held, shelf = ageing(past.as_of, day)
    lasting, passing = ageing(day, max(day, past.as_of))
    return HoldingPast(
        past.held * held + lasting * (outcome in ("fill", "NotOnShelf")),
        past.not_held * held + lasting * (outcome == "NotHeld"),
        past.on_shelf * shelf + passing * (outcome == "fill"),
        past.off_shelf * shelf + passing * (outcome == "NotOnShelf"),
        max(day, past.as_of),
    )


def ageing(since: float, now: float) -> tuple[float, float]:
    """What counts of `since` weigh now: those of being held, and those of standing on the shelf."""
    days = max(0.0, now - since)
    return 0.5 ** (days / HELD_HALF_LIFE), 0.5 ** (days / SHELF_HALF_LIFE)


_NEVER_ASKED = HoldingPast()


def holding_trust(
    coverage: str, status: str = "", service: str = "copy", past: HoldingPast = _NEVER_ASKED, now_days: float = 0.0
) -> HoldingTrust:
    """The trust in one holding, by what its record says and what was found out of it: the record is worth one answer
    of the library itself."""
    c, a = CONFIDENCE.get(coverage, CONFIDENCE["unknown"]), ON_SHELF.get(status, ON_SHELF[""])
    if status == "reference" and service == "loan":
        a = REFERENCE_LOAN
    held, shelf = ageing(past.as_of, now_days)
    return HoldingTrust(
        (c + past.held * held) / (1 + (past.held + past.not_held) * held),
        (a + past.on_shelf * shelf) / (1 + (past.on_shelf + past.off_shelf) * shelf),
    )


def estimate(
    tallies: Mapping[str, Tally],
    keys: Sequence[str],
    now_days: float,
    holding: HoldingTrust = _UNKNOWN,
    open_days: Iterable[float] = (),
    settings: EstimateSettings = _USUAL,
) -> Estimate:
    """What is expected of the library whose `keys` (of `keys_of`) these are. `open_days`: working days for which its
    open entries lie there already, see `_with_open`."""
    known = (tallies.get(key) for key in keys)
    found = [faded(tally, now_days, settings.half_life) if tally else _NOTHING for tally in known]
    q, strength = _chance(found, settings)
    fill, refusal = _times(found, settings, "fill"), _times(found, settings, "refusal")
    for days in open_days:
        q, fill, refusal = _with_open(days, q, strength, fill, refusal)
    basis = _basis(found, settings.k)
    told = found[basis] if basis < len(found) else _NOTHING
    return Estimate(
        p=holding.c * holding.a * q,
        c=holding.c,
        a=holding.a,
        q=q,
        t=fill.mean,
        r=refusal.mean,
        spread=fill.sigma,
        spread_r=refusal.sigma,
        strength=strength,
        n=told.asks,
        fills=told.fills,
        mean_days=told.fill_days / told.fills if told.fills else 0.0,
        basis=LEVELS[min(basis, len(LEVELS) - 1)] if basis < len(found) else "prior",
    )


_NOTHING = Tally()


class _Time(NamedTuple):
    """A log-normal time: mean and sigma of its logarithm, and the requests that the mean rests on."""

    mu: float
    sigma: float
    weight: float

    @property
    def mean(self) -> float:
        """Of the time itself. Its median would flatter: what is summed up in days is the mean."""
        return math.exp(self.mu + self.sigma * self.sigma / 2)

    def beyond(self, log: float) -> tuple[float, float]:
        """The probability that its logarithm is more than `log`, and the mean of it where it is."""
        sigma = max(self.sigma, 0.05)
        z = (log - self.mu) / sigma
        if z > 6:  # the tail vanishes: all that is left of it lies just beyond
            return 1e-9, log
        chance = 0.5 * math.erfc(z / _ROOT_2)
        return chance, self.mu + sigma * math.exp(-z * z / 2) / _ROOT_2_PI / chance

    def with_open(self, expected: float, share: float) -> _Time:
        """With that share of a request whose logarithm of days is expected to be so much."""
        weight = self.weight + share
        return _Time((self.weight * self.mu + share * expected) / weight, self.sigma, weight)


def _willing(tally: Tally) -> float:
    return tally.fills + tally.refusals + tally.silences


def _chance(found: Sequence[Tally], settings: EstimateSettings) -> tuple[float, float]:
    """q and its strength: from the coarsest level to the finest, (fills + k·q₀) / (n + k)."""
    q, strength = settings.prior.q, settings.k
    for tally, finer in _coarsest_first(found):
        n = max(0.0, _willing(tally) - _willing(finer))
        q = (min(n, max(0.0, tally.fills - finer.fills)) + settings.k * q) / (n + settings.k)
        strength = n + settings.k
    return q, strength


def _coarsest_first(found: Sequence[Tally]) -> list[tuple[Tally, Tally]]:
    """Each level with the finer one inside it, whose requests are not counted again."""
    return list(zip(found, (_NOTHING, *found), strict=False))[::-1]


def _times(found: Sequence[Tally], settings: EstimateSettings, kind: str) -> _Time:
    """Days to a fill, or to a refusal, shrunk likewise."""
    prior, k = settings.prior, settings.k
    mu, variance, weight = math.log(prior.t if kind == "fill" else prior.r), prior.spread**2, k
    sums = [_sums(tally, kind) for tally in found]
    for at in range(len(sums) - 1, -1, -1):
        n, logs, squares = sums[at]
        if at:  # the finer level inside it is not counted again
            n, logs, squares = n - sums[at - 1][0], logs - sums[at - 1][1], squares - sums[at - 1][2]
        weight = k + max(0.0, n)
        if n <= 1e-9:
            continue
        mean = logs / n
        own = max(0.0, squares / n - mean * mean)
        # The variance of the mixture: that inside both, and that between their means, which k requests of doubt allow.
        variance = (n * own + k * variance + n * k / (n + k) * (mean - mu) ** 2) / (n + k)
        mu = (n * mean + k * mu) / (n + k)
    return _Time(mu, math.sqrt(variance), weight)


def _sums(tally: Tally, kind: str) -> tuple[float, float, float]:
    if kind == "fill":
        return tally.fills, tally.fill_logs, tally.fill_squares
    return tally.asks - tally.fills, tally.refusal_logs, tally.refusal_squares


def _with_open(days: float, q: float, strength: float, fill: _Time, refusal: _Time) -> tuple[float, _Time, _Time]:
    """q and both times, given that one more request has lain open for so many days (it is censored).

    It will be filled with a probability ∝ q·P(t > days), refused ∝ (1−q)·P(r > days). The beta posterior of q is then a
    mixture of that with one fill more and that with one refusal more, whose mean this is. Each mean of logarithms takes
    the expected logarithm beyond `days` as an observation, weighed by the probability of that end: the first step of
    the EM algorithm for censored times. A request that has only just been sent changes nothing; one that has lain
    longer than its refusals do speaks for whatever ends late, and makes both times longer.
    """
    log = math.log(max(days, LEAST_DAYS))
    (late_fill, log_fill), (late_refusal, log_refusal) = fill.beyond(log), refusal.beyond(log)
    to_fill, to_refusal = q * late_fill, (1 - q) * late_refusal
    share = to_fill / (to_fill + to_refusal) if to_fill + to_refusal > 0 else q
    q = (strength * q + share) / (strength + 1)
    return q, fill.with_open(log_fill, share), refusal.with_open(log_refusal, 1 - share)


def _basis(found: Sequence[Tally], k: float) -> int:
    """Index of the level that weighs most in q; that of the prior is len(found)."""
    weights, left, finer = [], 1.0, _NOTHING
    for tally in found:
        n = max(0.0, _willing(tally) - _willing(finer))
        weights.append(left * n / (n + k))
        left *= k / (n + k)
        finer = tally
    weights.append(left)
    return max(range(len(weights)), key=weights.__getitem__)
