"""Why a library was chosen or passed over, in Chinese and English, from the stored rota alone.

Each reason code of the rota has a template in each language; a code that is not known here (a rule that is newer than
this table) is told as it stands rather than hidden. Numbers are those by which the choice was made: requests count as
much as they still weighed then, so that they may be fewer than were ever sent.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from mappings.model import Library
from mappings.requests import Citation, Wish
from routing.candidates import Place


class Explanation(Struct, frozen=True):
    zh: str
    en: str


CHOSEN: dict[str, tuple[str, str]] = {
    "covers": ("藏有{part_zh}", "holds {part_en}"),
    "coverage_unknown": ("藏有该文献，所藏卷期未载明", "holds the title, its volumes are not told"),
    "partner": ("兜底提供馆，馆藏未核实", "lender of last resort, holdings not known"),
    "not_on_shelf": ("目录显示现不在架", "not on the shelf by its catalogue"),
    "experience": ("{scope_zh}{n}件满足{fills}件", "filled {fills} of {n} {scope_en}"),
    "mean_days": ("平均{mean_days}个工作日", "{mean_days} working {mean_days_word} on average"),
    "no_experience": ("该馆暂无足够记录，按{others_zh}估计", "too few requests of its own, judged by {others_en}"),
    "queue": ("排队{queue}件", "queue {queue}"),
    "through": ("经{via_zh}自动转接", "through {via_en}, which passes it on by itself"),
    "by_hand": ("经{via_zh}人工转接", "through {via_en}, where people pass it on"),
    "opens_later": ("{closed}天后开馆", "opens in {closed} {closed_word}"),
    "closes_soon": ("即将闭馆，或来不及提供", "closes soon, perhaps before it can supply"),
    "closed_between": ("期间闭馆，约迟{later}个工作日", "closed in between, some {later} working {later_word} later"),
    "full_today": (
        "今日已达每日上限{daily_cap}件，次日再询",
        "its limit of {daily_cap} a day is reached, so asked another day",
    ),
    "gives_more": ("提供多于请求，顺序略后移", "gives more than it asks for, so asked a little later"),
    "takes_more": ("请求多于提供，顺序略前移", "asks for more than it gives, so asked a little sooner"),
    "in_time": ("按期限前满足的可能性排序", "ordered by the chance of a fill in time"),
    "turnaround": ("对照试验：按时效排序", "live comparison: ordered by turnaround"),
    "explored": ("轮试：与最优馆相差不大，借此积累记录", "tried out: nearly as good as the best, and so better known"),
    "override": ("由工作人员指定", "chosen by an officer"),
}

PASSED: dict[str, tuple[str, str]] = {
    "tried": ("本请求已向该馆提出过", "it has been asked for this request already"),
    "on_chain": ("本请求由该馆转发而来", "it has forwarded this request itself"),
    "cap_reached": ("今日已发{sent_today}件，达到每日上限{daily_cap}件",
                    "its limit of {daily_cap} a day is reached ({sent_today} sent today)"),
    "not_covered": ("所藏不含{part_zh}", "its holdings don't include {part_en}"),
    "closed": ("闭馆，{closed}天后开馆", "it is closed and opens in {closed} {closed_word}"),
    "closes_first": ("闭馆前来不及提供", "it closes before it could supply it"),
    "no_chance": ("满足的可能性仅{percent}%", "the chance of a fill is only {percent} %"),
    "other_path": ("该馆另有更快的途径", "there is a quicker way to it"),
    "beyond_limit": ("本轮询问的馆数已满", "it comes after as many as are asked in one round"),
    "unknown_library": ("馆代码未登记", "no library with that symbol is known"),
    "paused": ("该馆暂停受理", "it takes no requests for the time being"),
    "no_loans": ("该馆不提供外借", "it lends nothing out"),
    "no_copies": ("该馆不提供复制", "it makes no copies"),
    "too_many_pages": ("超出该馆每件复制页数上限", "it doesn't copy so many pages at once"),
    "other_consortium": ("该馆不受理请求馆所在联盟的请求", "it doesn't serve the requesting library's consortium"),
    "material": ("该馆不传递此类文献", "it doesn't send out such material"),
}  # fmt: skip

SCOPES = {
    "similar": ("同类请求", "similar requests"),
    "material": ("同类型文献请求", "requests for such material"),
    "service": ("同种服务请求", "requests for such a service"),
    "library": ("该馆全部请求", "requests of all kinds"),
    "type": ("同类型成员馆{n}件请求满足{fills}件", "libraries of its kind ({fills} of {n} filled)"),
    "consortium": ("所属联盟{n}件请求满足{fills}件", "those of its consortium ({fills} of {n} filled)"),
    "prior": ("一般情况", "what is usual"),
}
"""What the counts of an estimate are of, by its basis."""


def explain_choice(place: Place, wish: Wish, libraries: Mapping[str, Library], number: int = 1) -> Explanation:
    """An entry of the rota, the one at that place in it (1 = asked first)."""
    words = _words(place, wish, libraries)
    codes = [code for reason in place.reasons for code in _with_days(reason, place)]
    zh = "；".join(CHOSEN.get(code, (code, ""))[0].format_map(words) for code in codes)
    en = "; ".join(CHOSEN.get(code, ("", code))[1].format_map(words) for code in codes)
    lead = "选择{name}" if number == 1 else "第{number}位{name}"
    return Explanation(f"{lead.format(number=number, name=words['name_zh'])}：{zh}。", f"{words['symbol']}: {en}.")


def _with_days(reason: str, place: Place) -> tuple[str, ...]:
    """The average of days stands after the counts that it belongs to."""
    told = reason == "experience" and place.candidate.estimate.mean_days > 0
    return (reason, "mean_days") if told else (reason,)


def explain_passed_over(place: Place, wish: Wish, libraries: Mapping[str, Library]) -> Explanation:
    """A candidate that is not asked, with every reason."""
    words = _words(place, wish, libraries)
    zh = "；".join(PASSED.get(code, (code, ""))[0].format_map(words) for code in place.reasons)
    en = "; ".join(PASSED.get(code, ("", code))[1].format_map(words) for code in place.reasons)
    return Explanation(f"未选{words['name_zh']}：{zh}。", f"{words['symbol']} not asked: {en}.")


def wanted(citation: Citation) -> Explanation:
    """The part of the publication that is wanted, as it stands after 藏有 and "holds"."""
    volume, issue, year = citation.volume.strip(), citation.issue.strip(), citation.year
    if not volume and not issue:
        return Explanation(f"{year}年", f"the year {year}") if year and _in_parts(citation) else _WHOLE
    zh = (f"第{volume}卷" if volume else f"{year}年" if year else "") + (f"第{issue}期" if issue else "")
    en = ", ".join(filter(None, (
        f"volume {volume}" if volume else "",
        f"issue {issue}" if issue else "",
        f"{year}" if year and not volume else "",
    )))  # fmt: skip
    return Explanation(zh, en)


_WHOLE = Explanation("该文献", "it")


def _in_parts(citation: Citation) -> bool:
    """Does it come out in years, so that one of them is what is wanted?"""
    return citation.genre in ("journal", "issue", "article")


def _words(place: Place, wish: Wish, libraries: Mapping[str, Library]) -> dict[str, object]:
    """Everything that a template may name."""
    candidate, estimate = place.candidate, place.candidate.estimate
    part = wanted(wish.citation)
    counts = {"n": round(estimate.n), "fills": round(estimate.fills)}
    scope_zh, scope_en = (text.format_map(counts) for text in SCOPES.get(estimate.basis, SCOPES["prior"]))
    via = candidate.path[:-1]
    days = f"{estimate.mean_days:.1f}"
    return counts | {
        "symbol": candidate.library,
        "name_zh": _name(candidate.library, libraries),
        "part_zh": part.zh, "part_en": part.en,
        "scope_zh": scope_zh, "scope_en": scope_en, "others_zh": scope_zh, "others_en": scope_en,
        "mean_days": days, "mean_days_word": "day" if days == "1.0" else "days",
        "queue": candidate.queue,
        "via_zh": "、".join(_name(hop, libraries) for hop in via), "via_en": ", ".join(via),
        "closed": round(candidate.closed_days), "closed_word": "day" if round(candidate.closed_days) == 1 else "days",
        "later": round(candidate.closures.t), "later_word": "day" if round(candidate.closures.t) == 1 else "days",
        "sent_today": candidate.sent_today, "daily_cap": candidate.daily_cap,
        "percent": f"{place.p * 100:.1f}",
    }  # fmt: skip


def _name(symbol: str, libraries: Mapping[str, Library]) -> str:
    known = libraries.get(symbol)
    return known.name_zh if known and known.name_zh else symbol
