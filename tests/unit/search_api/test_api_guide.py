"""docs/api.md names every address of the API, with who may and by which scope."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

from search_api.access.guard import routes_with_actions
from search_api.app import create_app
from search_api.openapi import build_openapi
from search_api.policy import TABLE
from search_api.settings import ApiSettings
from store.database import Database

PAGE = Path(__file__).resolve().parents[3] / "docs" / "api.md"
BEGIN, END = "<!-- routes -->\n", "<!-- /routes -->"


def table() -> str:
    """The table as the application has it."""
    app = create_app(Database("sqlite://"), cast(Any, None), settings=ApiSettings())
    paths = build_openapi(app)["paths"]
    lines = ["| address | what | roles | scope |", "|---|---|---|---|"]
    for path, method, actions in routes_with_actions(app):
        if path in paths:
            action = TABLE[actions[0]]
            roles = "everybody" if action.anybody else ", ".join(dict.fromkeys(rule.role for rule in action.rules))
            what = paths[path][method.lower()]["summary"]
            # What holds for a part of the requests holds for one of them, and for no list.
            parts = [rule.scope for rule in action.rules if rule.scope and "{number}" in path]
            scopes = ", ".join(dict.fromkeys((action.scope or "–", *parts)))
            lines.append(f"| `{method} {path}` | {what} | {roles} | {scopes} |")
    return "\n".join(lines) + "\n"


def test_the_guide_has_every_address() -> None:
    text = PAGE.read_text("utf-8")
    shown = text.partition(BEGIN)[2].partition(END)[0]
    assert shown == table(), f"between the marks of docs/api.md this should stand:\n{table()}"


def test_the_examples_of_the_guide_name_real_addresses() -> None:
    known = {line.split("`")[1] for line in table().splitlines()[2:]}
    named = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /api[^`\s]*)`", PAGE.read_text("utf-8")))
    assert {re.sub(r"/\d+$", "/{number}", each) for each in named} <= known
