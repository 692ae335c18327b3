"""One example of each answer about requests, for the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime

from mappings.requests import Citation, Wish
from search_api.request_answers import (
    EntryAnswer,
    EventAnswer,
    Expected,
    MatchAnswer,
    MatchCandidate,
    PassedOver,
    RequestAnswer,
    RequestBrief,
    RequestList,
    Said,
)

_AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
_DUE = datetime(2026, 3, 3, 1, 30, tzinfo=UTC)
_URL = "http://127.0.0.1:8000"
_TITLE = "钱钟书. 通感[J]. 文学评论, 1962(1): 13-17."

_ENTRY = EntryAnswer(
    number=1,
    library="BNU",
    name_zh="北京师范大学图书馆",
    name_en="Beijing Normal University Library",
    state="sent",
    state_zh="已发出",
    state_en="Sent",
    path=("BNU",),
    toward="",
    parent=0,
    asked=1,
    sent=_AT,
    due=_DUE,
    reason="",
    reason_zh="",
    reason_en="",
    cost=0,
    why=Said(
        "选择北京师范大学图书馆：藏有1962年第1期；同类请求48件满足41件；平均1.6个工作日；排队2件。",
        "BNU: holds issue 1, 1962; filled 41 of 48 similar requests; 1.6 working days on average; queue 2.",
    ),
    actions=(),
)

_EVENT = EventAnswer(
    1, _AT, "submit", "提交", "Send", "reader", "CLCN", "首都图书馆", "Capital Library of China", 0, "", "", "", ""
)

REQUEST = RequestAnswer(
    id=42,
    url=f"{_URL}/requests/42",
    state="asking",
    state_zh="处理中",
    state_en="Being asked for",
    next_zh="等待提供馆答复，无需操作",
    next_en="Waiting for the library's answer; nothing to do",
    title=_TITLE,
    record="3K7M2Q9V",
    record_url=f"{_URL}/record/3K7M2Q9V",
    wish=Wish(
        Citation("article", "文学评论", article_title="通感", article_author="钱钟书", date="1962", issue="1",
                 pages="13-17", record_id="3K7M2Q9V"),
        material="serial", subject="I", language="chi",
    ),
    source="api",
    requester="CLCN",
    requester_zh="首都图书馆",
    requester_en="Capital Library of China",
    branch="",
    reader="",
    reader_id="",
    note="",
    delivery="",
    desk="",
    other=0,
    missing=(),
    created=_AT,
    updated=_AT,
    expected=Expected(
        0.93,
        Said("按轮候表前3馆推算；首询馆依据48件请求（满足41件）。",
             "From the first 3 of the rota; what is known of the first rests on 48 requests (41 filled)."),
        datetime(2026, 3, 4, 9, 0, tzinfo=UTC),
        datetime(2026, 3, 6, 9, 0, tzinfo=UTC),
    ),
    entries=(_ENTRY,),
    passed_over=(
        PassedOver("BUPT", "北京邮电大学图书馆", "BUPT Library",
                   Said("未选北京邮电大学图书馆：所藏不含1962年第1期。",
                        "BUPT not asked: its holdings don't include issue 1, 1962.")),
    ),
    events=(_EVENT,),
    actions=("cancel",),
    chosen="S",
)  # fmt: skip

REQUESTS = RequestList(
    (
        RequestBrief(
            42, f"{_URL}/requests/42", "asking", "处理中", "Being asked for", "等待提供馆答复，无需操作",
            "Waiting for the library's answer; nothing to do", _TITLE, "CLCN", "首都图书馆", "Capital Library of China",
            "BNU", "北京师范大学图书馆", "Beijing Normal University Library", "copy", "standard", _AT, _AT, _AT, 1,
            "sent", _AT, _DUE,
        ),
    ),
    "",
)  # fmt: skip

MATCH = MatchAnswer(
    citation={"genre": "book", "title": "红楼梦", "isbn": "9787020002207"},
    missing=(),
    missing_zh=(),
    missing_en=(),
    candidates=(
        MatchCandidate("3K7M2Q9V", f"{_URL}/record/3K7M2Q9V", 1.0, "号码相符", "the number is the same", "红楼梦",
                       "(清)曹雪芹著", "人民文学出版社", 2008, 4),
    ),
)  # fmt: skip
