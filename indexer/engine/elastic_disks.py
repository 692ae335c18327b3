"""How much room the nodes' disks have, beside the watermarks at which Elasticsearch begins to defend itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from indexer.engine.protocol import Finding

_GB = 2**30

DEFAULT_WATERMARKS = {"low": ("85%", "200gb"), "high": ("90%", "150gb"), "flood_stage": ("95%", "100gb")}
"""As Elasticsearch has them: share of the disk that is used, and the free space beyond which that doesn't count."""

_UNITS = {"b": 1, "kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?b)", re.IGNORECASE)

Watermarks = Mapping[str, tuple[str, str]]
"""By stage: the share or size that is set, and its headroom ("-1" = none)."""


def watermarks_of(told: Mapping[str, Any]) -> Watermarks:
    """From the answer to _cluster/settings."""
    found = dict(DEFAULT_WATERMARKS)
    for kind in ("defaults", "persistent", "transient"):
        of = told.get(kind, {})
        for name in ("cluster", "routing", "allocation", "disk", "watermark"):
            of = of.get(name, {})
        for stage in DEFAULT_WATERMARKS:
            value = of.get(stage, of.get(f"{stage}.value"))
            headroom = of.get(f"{stage}.max_headroom")
            if isinstance(value, str):
                found[stage] = (value, headroom or ("-1" if kind != "defaults" else found[stage][1]))
    return found


def free_needed(total: int, value: str, headroom: str) -> int:
    """Bytes that must be free for a watermark not to be reached. `value`: a share of use (85%, 0.85) or a free size."""
    size = _SIZE.fullmatch(value)
    if size:
        return int(float(size[1]) * _UNITS[size[2].lower()])
    share = float(value.rstrip("%")) / (100 if value.endswith("%") else 1)
    needed = int(total * (1 - share))
    limit = _SIZE.fullmatch(headroom)
    return min(needed, int(float(limit[1]) * _UNITS[limit[2].lower()])) if limit else needed


def judge_disk(node: Mapping[str, Any], watermarks: Watermarks) -> Finding:
    total, free = node["fs"]["total"]["total_in_bytes"], node["fs"]["total"]["available_in_bytes"]
    what = f"disk of {node['name']}"
    room = f"{free / _GB:.1f} of {total / _GB:.0f} GB free"
    needed = {stage: free_needed(total, *watermarks[stage]) for stage in watermarks}
    if free < needed["flood_stage"]:
        return Finding(
            what,
            "failed",
            f"{room}, below the flood stage: Elasticsearch refuses to write. Free some space, or add a node.",
        )
    if free < needed["high"]:
        return Finding(
            what, "warning", f"{room}, below the high watermark: shards are moved away. Free some space soon."
        )
    if free < needed["low"]:
        return Finding(
            what,
            "warning",
            f"{room}, below the low watermark: no new index is put here, so a rebuild may find no place.",
        )
    return Finding(what, "ok", room)
