"""Every policy in the same worlds: runs, and their figures with intervals over seeds.

A task is one world; tasks may run in any number of processes, and the report is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from routing.simulator.assumptions import WAYS, Assumed, Direction, Frame, Scenario, frame
from routing.simulator.measures import (
    MEASURES,
    Interval,
    mean_interval,
    measure,
    sampling_interval,
    wilson,
)
from routing.simulator.network import Network, Outcome, Policy
from routing.simulator.policies import RULES, Rule, Study
from routing.simulator.ranked import PLAIN, Oracle, Ranked
from routing.simulator.world import favourites, make_world, study_world

POLICIES = ("study", *RULES, "S", "S_plain", "oracle")
"""In the order in which they are shown."""

SAMPLES, QUICK_SAMPLES = 120, 30
"""Samples of the study's size that are drawn, to see whether the study could be one of them."""

OUTCOMES = ("filled", "refused", "forwarded")

Values = dict[str, float]
Mapper = Callable[[Callable[["Task"], "Result"], Sequence["Task"]], Iterable["Result"]]


class Task(Struct, frozen=True):
    """A world: of a scenario, or ("") of the study."""

    scenario: str
    seed: int
    number: int
    quick: bool


class Result(Struct, frozen=True):
    """By policy and then by "all" or direction; of the study's world by direction alone."""

    requests: int
    measured: dict[str, dict[str, Values]]


class Row(Struct, frozen=True):
    policy: str
    measures: dict[str, Interval]
    by_way: dict[str, dict[str, Interval]]


class ScenarioReport(Struct, frozen=True):
    name: str
    zh: str
    en: str
    seeds: int
    requests: float  # mean over seeds
    rows: tuple[Row, ...]
    against: dict[str, dict[str, Interval]]  # S less another policy, by policy and measure, seed by seed

    def row(self, policy: str) -> Row:
        return next(row for row in self.rows if row.policy == policy)


class StudyLine(Struct, frozen=True):
    """A figure of the study beside what its guessing gives in the simulated world."""

    way: str
    figure: str  # filled, refused, forwarded (at the first outcome), days (mean of those filled at it), top_two, final
    study: float
    study_interval: Interval | None  # Wilson; None where the study doesn't give what one would need
    simulated: Interval  # mean of many samples of the study's size, and between which values 95 % of them lie
    fits: bool


class Report(Struct, frozen=True):
    seed: int
    quick: bool
    assumed: dict[str, Assumed]
    study: tuple[StudyLine, ...]
    scenarios: tuple[ScenarioReport, ...]


def policies() -> list[Policy]:
    rules: list[Policy] = [Rule(name, key) for name, key in RULES.items()]
    return [Study(), *rules, Ranked("S"), Ranked("S_plain", PLAIN), Oracle()]


def run_task(task: Task) -> Result:
    """One world, in whichever process."""
    known, seed = frame(), f"{task.seed}/{task.number}"
    if not task.scenario:
        return _study_result(known, seed)
    world = make_world(known, known.scenarios[task.scenario].at_size(task.quick), seed)
    measured = {}
    for policy in policies():
        outcomes = Network(world).run(policy)
        groups = {way: [outcome for outcome in outcomes if outcome.way == way] for way in WAYS}
        measured[policy.name] = {"all": measure(outcomes)} | {
            way: measure(part) for way, part in groups.items() if part
        }
    return Result(len(world.requests), measured)


def _study_result(known: Frame, seed: str) -> Result:
    world = study_world(known, seed)
    outcomes, favoured = Network(world).run(Study()), favourites(world)
    measured = {way: _first_outcomes([each for each in outcomes if each.way == way], favoured) for way in WAYS}
    return Result(len(outcomes), {"study": measured})


def _first_outcomes(outcomes: Sequence[Outcome], favoured: Sequence[int]) -> Values:
    """As the study counts: at the first outcome; its days are those of what was filled then."""
    count = len(outcomes)
    values = {name: sum(outcome.first == name for outcome in outcomes) / count for name in OUTCOMES}
    days = [outcome.days for outcome in outcomes if outcome.first == "filled"]
    values["days"] = sum(days) / max(1, len(days))
    values["final"] = sum(outcome.filled for outcome in outcomes) / count
    values["top_two"] = sum(outcome.asked[0] in favoured for outcome in outcomes) / count
    return values


def tasks_of(names: Sequence[str], seed: int, seeds: int, quick: bool) -> list[Task]:
    """`seeds`: of each scenario; 0 = as many as its file says. The largest worlds come first, so that no process is
    left alone with one."""
    known = frame()
    sized = {name: known.scenarios[name].at_size(quick) for name in names}
    largest = sorted(names, key=lambda name: -sized[name].days * sized[name].per_day)
    found = [Task(name, seed, number, quick) for name in largest for number in range(seeds or sized[name].seeds)]
    return found + [Task("", seed, number, quick) for number in range(QUICK_SAMPLES if quick else SAMPLES)]


def run(
    names: Sequence[str],
    seed: int = 1,
    seeds: int = 0,
    quick: bool = False,
    mapper: Mapper = map,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """`mapper`: map, or an executor's. `tell` is told how many of all tasks are done."""
    tasks = tasks_of(names, seed, seeds, quick)
    results: dict[str, list[Result]] = {}
    for done, (task, result) in enumerate(zip(tasks, mapper(run_task, tasks), strict=True), 1):
        results.setdefault(task.scenario, []).append(result)
        tell(done, len(tasks))
    known = frame()
    return Report(
        seed=seed,
        quick=quick,
        assumed=known.assumed,
        study=tuple(_study_lines(known, results[""])),
        scenarios=tuple(_scenario_report(name, known.scenarios[name], results[name]) for name in names),
    )


def _scenario_report(name: str, scenario: Scenario, results: Sequence[Result]) -> ScenarioReport:
    def over_seeds(policy: str, group: str) -> dict[str, list[float]]:
        found = [result.measured[policy][group] for result in results if group in result.measured[policy]]
        return {each: [values[each] for values in found] for each in MEASURES} if found else {}

    def intervals(policy: str, group: str) -> dict[str, Interval]:
        return {each: mean_interval(values) for each, values in over_seeds(policy, group).items()}

    ours = over_seeds("S", "all")
    against = {
        policy: {
            each: mean_interval([mine - other for mine, other in zip(ours[each], theirs[each], strict=True)])
            for each in MEASURES
        }
        for policy in POLICIES
        if policy != "S"
        for theirs in [over_seeds(policy, "all")]
    }
    rows = tuple(
        Row(policy, intervals(policy, "all"), {way: intervals(policy, way) for way in WAYS}) for policy in POLICIES
    )
    requests = sum(result.requests for result in results) / len(results)
    return ScenarioReport(name, scenario.zh, scenario.en, len(results), requests, rows, against)


def _study_lines(known: Frame, results: Sequence[Result]) -> Iterator[StudyLine]:
    samples = [result.measured["study"] for result in results]
    for direction in known.study.directions:
        drawn = [sample[direction.way] for sample in samples]
        for name in OUTCOMES:
            counted = wilson(getattr(direction, name), direction.requests)
            simulated = sampling_interval([values[name] for values in drawn])
            fits = counted.low <= simulated.mean <= counted.high and simulated.low <= counted.mean <= simulated.high
            yield StudyLine(direction.way, name, counted.mean, counted, simulated, fits)
        days = sampling_interval([values["days"] for values in drawn])
        yield StudyLine(direction.way, "days", direction.days, None, days, days.low <= direction.days <= days.high)
        yield _final_line(direction, sampling_interval([values["final"] for values in drawn]))
        if direction is known.study.directions[0]:
            two = sampling_interval([values["top_two"] for values in drawn])
            yield StudyLine(direction.way, "top_two", known.study.top_two, None, two, two.mean > known.study.top_two)


def _final_line(direction: Direction, simulated: Interval) -> StudyLine:
    """What was filled in the end the study doesn't know: at least what was at first, at most all that was forwarded
    too."""
    least = direction.filled / direction.requests
    most = (direction.filled + direction.forwarded) / direction.requests
    bounds = Interval(least, least, most)
    return StudyLine(direction.way, "final", least, bounds, simulated, least <= simulated.mean <= most)
