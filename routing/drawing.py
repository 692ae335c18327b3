"""The life cycle as a page shows it: diagrams and tables drawn from the tables of routing/states.py.

`python -m routing.drawing docs/life-cycle.md` writes them into the page, between its marks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from routing.states import ACTIVE, BEFORE_SUPPLY, CLOSED, DATA, ENTRY, JOINT, REQUEST, TIMERS, Row

_MARK = re.compile(r"(<!-- drawn: (\w+) -->\n).*?(\n<!-- end -->)", re.DOTALL)


def parts() -> dict[str, str]:
    """Each drawn part of the page, by the name that its mark has."""
    return {
        "request": diagram(REQUEST, JOINT, "draft"),
        "entry": diagram(ENTRY, (), "planned"),
        "request_rows": table((*REQUEST, *(row for row in JOINT if row.target))),
        "entry_rows": table(ENTRY),
        "timers": timers(),
        "data": data(),
    }


def diagram(table: Sequence[Row], joint: Sequence[Row], first: str) -> str:
    """In Mermaid's language. What leads from many states to one is drawn from `any_open`, or it would be a thicket."""
    lines = ["```mermaid", "stateDiagram-v2", f"  [*] --> {first}"]
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in (*table, *joint):
        if not row.target:
            continue
        for source in _sources(row):
            if source != row.target:
                arrows.setdefault((source, row.target), []).append(row.event)
    lines += [f"  {source} --> {target}: {', '.join(events)}" for (source, target), events in arrows.items()]
    known = {row.target for row in (*table, *joint)}
    lines += [f"  {state} --> [*]" for state in CLOSED if state in known]
    return "\n".join([*lines, "```"])


def _sources(row: Row) -> tuple[str, ...]:
    if set(BEFORE_SUPPLY) - {"cancelling"} <= set(row.sources):
        rest = tuple(state for state in row.sources if state not in BEFORE_SUPPLY or state == "cancelling")
        return ("any_open", *rest)
    return row.sources


def table(rows: Sequence[Row]) -> str:
    """As Markdown."""
    lines = ["| from | event | fired by | to | |", "|---|---|---|---|---|"]
    for row in rows:
        sources = ", ".join("any open state" if source == "any_open" else f"`{source}`" for source in _sources(row))
        target = f"`{row.target}`" if row.target else "(stays)"
        lines.append(f"| {sources} | `{row.event}` | {', '.join(row.actors)} | {target} | {row.note} |")
    return "\n".join(lines)


def timers() -> str:
    lines = ["| clock | of | while it is | then |", "|---|---|---|---|"]
    for kind, (event, scope, states) in TIMERS.items():
        told = "any open state" if len(states) > len(ACTIVE) else ", ".join(f"`{state}`" for state in states)
        lines.append(f"| {kind} | {scope} | {told} | `{event}` |")
    return "\n".join(lines)


def data() -> str:
    return "\n".join(["| event | its data |", "|---|---|", *(f"| `{name}` | {told} |" for name, told in DATA.items())])


def redrawn(page: str) -> str:
    """The page with its drawn parts as they are now. Raises KeyError for a mark that names no part."""
    made = parts()
    return _MARK.sub(lambda found: found[1] + made[found[2]] + found[3], page)


def marks(page: str) -> Iterator[str]:
    return (found[2] for found in _MARK.finditer(page))


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(redrawn(path.read_text("utf-8")), "utf-8")
