"""How long a rota takes: python -m bench.rota [HOLDERS …]

Milliseconds of processor time of one call (median and worst of many requests, each with its own candidates): of the
rota alone, with its day needed (all orders of the first six are tried), of the estimates before it (six tallies a
holder, five open entries) and of the prediction after it. The goal is 20 ms for the rota of a request with 100 holders.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from time import process_time

from mappings.requests import Citation, Closure, Wish
from routing.calendar import CHINA, Calendar
from routing.candidates import Candidate
from routing.estimates import Estimate, HoldingTrust, Tally, estimate, filled, keys_of, refused
from routing.prediction import predict
from routing.rota import RotaSettings, build_rota

NOW = datetime(2026, 3, 2, 10, tzinfo=CHINA)
DAY = 20_514.0  # that day since the epoch
REQUESTS = 100


def make_tallies(holders: int, dice: random.Random) -> tuple[list[tuple[str, ...]], dict[str, Tally]]:
    """Thirty past requests of each holder."""
    chains = [keys_of(f"LIB{n}", "member", "BALIS", "book", "TP", "copy", "standard") for n in range(holders)]
    tallies: dict[str, Tally] = {}
    for keys in chains:
        for _ in range(30):
            day, days, fill = DAY - dice.random() * 300, dice.lognormvariate(0.5, 0.8), dice.random() < 0.7
            for key in keys:
                old = tallies.get(key, Tally())
                tallies[key] = filled(old, days, day) if fill else refused(old, days, "PolicyProblem", day)
    return chains, tallies


def make_estimates(chains: list[tuple[str, ...]], tallies: dict[str, Tally], dice: random.Random) -> list[Estimate]:
    trust = HoldingTrust(0.9, 0.9)
    return [estimate(tallies, keys, DAY, trust, [dice.random() * 4 for _ in range(5)]) for keys in chains]


def make_candidates(estimates: list[Estimate], dice: random.Random) -> list[Candidate]:
    return [
        Candidate(
            library=f"LIB{number}", path=("CLCN", f"LIB{number}") if number % 4 == 0 else (f"LIB{number}",),
            estimate=known, queue=dice.randrange(12), supplied=dice.randrange(50), received=dice.randrange(50),
            coverage=dice.choice(("yes", "unknown")), last_resort=number % 20 == 19,
            excluded="paused" if number % 25 == 24 else "",
        )
        for number, known in enumerate(estimates)
    ]  # fmt: skip


def milliseconds(work: Callable[[int], object]) -> tuple[float, float]:
    """Median and worst, after one call that fills the caches."""
    work(0)
    spent = []
    for number in range(REQUESTS):
        begun = process_time()
        work(number)
        spent.append((process_time() - begun) * 1000)
    spent.sort()
    return spent[REQUESTS // 2], spent[-1]


def parts_of(holders: int) -> dict[str, Callable[[int], object]]:
    """What is measured, each for the request of that number."""
    dice = random.Random(1)
    chains, tallies = make_tallies(holders, dice)
    estimates = make_estimates(chains, tallies, dice)
    pools = [make_candidates(estimates, dice) for _ in range(REQUESTS)]
    plain, soon = Wish(Citation()), Wish(Citation(), need_before=str((NOW + timedelta(days=4)).date()))
    vacation = (Closure("2026-07-20", "2026-08-20"),)
    calendars = {f"LIB{n}": Calendar(vacation if n % 2 else ()) for n in range(holders)}
    settings = RotaSettings()
    rotas = [build_rota(plain, pool, settings, now=NOW, seed=seed) for seed, pool in enumerate(pools)]
    return {
        "estimates": lambda n: make_estimates(chains, tallies, dice),
        "rota": lambda n: build_rota(plain, pools[n], settings, now=NOW, seed=n),
        "rota, needed by a day": lambda n: build_rota(soon, pools[n], settings, now=NOW, seed=n),
        "prediction": lambda n: predict(rotas[n], calendars, NOW),
    }


def main() -> None:
    for holders in [int(text) for text in sys.argv[1:]] or [6, 14, 100]:
        for name, work in parts_of(holders).items():
            median, worst = milliseconds(work)
            print(f"{holders:4} holders  {name:22} median {median:7.2f} ms   worst {worst:7.2f} ms")


if __name__ == "__main__":
    main()
