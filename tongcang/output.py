"""What commands say: data on standard output (a table, or JSON where asked), everything else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from tongcang.night import Receipt, Told

messages = Console(stderr=True, highlight=False)

# A receipt must not be cut to 80 columns where nobody looks at a terminal.
data = Console(highlight=False, width=None if sys.stdout.isatty() else 150)

STAGES = {
    "sample": "样例 sample",
    "normalise": "规范化 normalise",
    "cluster": "聚类 cluster",
    "union": "合并 unite",
    "index": "索引 index",
}


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(text + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Whole numbers stand to the right."""
    table = Table(title=title or None, title_justify="left")
    for number, column in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[number], int | float) for row in rows)
        table.add_column(column, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row))
    data.print(table)


@contextmanager
def progress_bars(quiet: bool = False) -> Iterator[Callable[[Told], None]]:
    """A function that takes what the night tells, and draws it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=messages, disable=quiet) as progress:
        tasks: dict[tuple[str, str], TaskID] = {}

        def tell(told: Told) -> None:
            key = (told.stage, told.what)
            if key not in tasks:
                name = f"采集 harvest {told.what}" if told.stage == "harvest" else STAGES[told.stage]
                tasks[key] = progress.add_task(name, total=told.total)
            progress.update(tasks[key], completed=told.done, total=told.total)

        yield tell
        for task in tasks.values():
            done = int(progress.tasks[task].completed)
            progress.update(task, total=done, completed=done)


def print_receipt(receipt: Receipt) -> None:
    """The receipt of the night, and under it whatever a person has to know."""
    rows: list[Sequence[object]] = []
    for source in receipt.sources:
        c = source.counts
        promised: object = "—" if source.promised is None else source.promised
        numbers = (c.received, c.added, c.changed, c.unchanged, c.deleted, c.rejected, c.vanished, source.seconds)
        rows.append((source.slug, source.state, promised, *numbers))
    totals = [sum(int(str(row[column])) for row in rows) for column in range(3, 10)]
    rows.append(("合计 total", receipt.state, "", *totals, receipt.seconds["harvest"]))
    columns = (
        "来源 source", "状态 state", "应收 promised", "实收 received", "新增 added", "更改 changed", "未变 unchanged",
        "删除 deleted", "拒收 rejected", "消失 vanished", "秒 s",
    )  # fmt: skip
    print_table("回执 Receipt of the night", columns, rows)
    stages = " · ".join(f"{stage} {took} s" for stage, took in receipt.seconds.items())
    data.print(f"联合目录 union records: [bold]{receipt.union_records}[/bold]   "
               f"索引 indexed: {receipt.indexed}, removed: {receipt.removed}   {stages}")  # fmt: skip
    if receipt.message:
        data.print(f"  夜间作业中断 the night broke off: {receipt.message}", markup=False)
    for source in receipt.sources:
        if source.rejected_by_code:
            codes = ", ".join(f"{code} {count}" for code, count in source.rejected_by_code.items())
            data.print(f"  {source.slug}: 拒收 rejected: {codes}")
        for line in source.message.splitlines():
            data.print(f"  {source.slug}: {line}", markup=False)
    for line in receipt.refused_by_index[:10]:
        data.print(f"  索引拒收 refused by the index: {line}", markup=False)
