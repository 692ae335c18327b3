"""How far the catalogue and its promises could be trusted: predictions against what came, corrections of holdings."""

from __future__ import annotations

from routing.prediction import Assessment
from routing.statistics_table import Cell, Table, heading, table
from routing.statistics_view import View, library_column


def promises_table(view: View) -> Table:
    """Predicted days and chances of the requests whose outcome is known, scored."""
    a = view.assessment or Assessment()
    rows: list[tuple[Cell, ...]] = []
    if a.n:
        dated = (a.by_median, a.by_late, a.pinball_median, a.pinball_late) if a.dated else (None,) * 4
        rows = [(a.n, a.filled, a.dated, *dated, a.brier, a.brier_base)]
    columns = (
        *(heading(code, "count") for code in ("promised", "filled", "dated")),
        *(heading(code, "share") for code in ("by_median", "by_late")),
        *(heading(code, "days") for code in ("pinball_median", "pinball_late")),
        *(heading(code, "score") for code in ("brier", "brier_base")),
    )
    return table("promises", columns, rows, ("promises",))


def calibration_table(view: View) -> Table:
    """Of the requests that were promised with about so much chance, the share that was filled."""
    a = view.assessment or Assessment()
    rows = [(f"{each.low:.0%}–{each.high:.0%}", each.n, each.said, each.filled) for each in a.bins]
    columns = (
        heading("chance", "text"), heading("n", "count"), heading("said", "share"), heading("came", "share"),
    )  # fmt: skip
    return table("calibration", columns, rows)


def corrections_table(view: View) -> Table:
    """Holdings that a library said it does not have when it was asked: faults of its catalogue, or of its shelves."""
    shown = sorted(view.corrections.items(), key=lambda item: (-item[1].opened, item[0]))
    rows = [(symbol, c.opened, c.wrong, c.right, c.opened - c.wrong - c.right) for symbol, c in shown]
    columns = (
        library_column(view, "library", view.corrections),
        *(heading(code, "count") for code in ("corrections", "holding_wrong", "holding_right", "waiting")),
    )
    return table("corrections", columns, rows)
