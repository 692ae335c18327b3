"""Two people who judge the same two records at once: one decision holds, the later one."""

from __future__ import annotations

import threading

from mappings.model import Library
from store import judgements, libraries
from store.database import Database
from store.libraries import SourceConfig


def test_of_two_judgements_made_at_once_one_holds(database: Database) -> None:
    with database.write() as unit:
        libraries.put_library(unit, Library("RUC", "中国人民大学图书馆", "Renmin University Library"))
        source = libraries.put_source(unit, "RUC/oai", "RUC", "oai_pmh", SourceConfig())
    a, b = (source.id, "甲"), (source.id, "乙")
    both = threading.Barrier(2)

    def judge(same: bool) -> None:
        own = Database(database.url.render_as_string(hide_password=False))
        both.wait()
        for turn in range(10):
            with own.write() as unit:
                judgements.judge(unit, a, b, same=same, who="编目员", reason="", now=f"2026-11-23T00:00:{turn:02}Z")
        own.close()

    people = [threading.Thread(target=judge, args=(same,)) for same in (True, False)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    with database.read() as unit:
        made = judgements.judgements_of(unit, a)
    assert len(made) == 20
    assert len([each for each in made if not each.withdrawn]) == 1
