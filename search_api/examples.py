"""One example of each answer, for the OpenAPI document."""

from __future__ import annotations

from mappings.model import Agent, BibRecord, Classification, Holding, Identifier, Subject
from search_api import answers
from search_api.citation import gbt7714

_URL = "http://127.0.0.1:8000/record/3K7M2Q9V"

_BIB = BibRecord(
    dialect="cnmarc",
    title="红楼梦",
    responsibility="(清)曹雪芹著；无名氏续",
    agents=(Agent("曹雪芹", roles=("aut",), primary=True),),
    identifiers=(Identifier("isbn", "9787020002207"),),
    year=2008,
    languages=("chi",),
    country="CN",
    places=("北京",),
    publishers=("人民文学出版社",),
    extent="2册 (1606页)",
    pages=1606,
    subjects=(Subject("章回小说--中国--清代"),),
    classes=(Classification("clc", "I242.4"),),
)

_HOLDER = answers.RecordHolder(
    library="RUC",
    name_zh="中国人民大学图书馆",
    name_en="Renmin University of China Library",
    available=True,
    availability_zh="可提供",
    availability_en="Can supply",
    holdings=(Holding(location="中文图书借阅区", call_number="I242.4/2", copies=3, status="available"),),
    records=("001234567",),
)

_HIT = answers.SearchHit(
    id="3K7M2Q9V",
    url=_URL,
    title="红楼梦",
    title_alt="",
    subtitle="",
    part_number="",
    part_name="",
    responsibility="(清)曹雪芹著；无名氏续",
    authors=("曹雪芹",),
    year=2008,
    year_end=0,
    place="北京",
    publisher="人民文学出版社",
    edition="",
    extent="2册 (1606页)",
    material="book",
    carrier="print",
    languages=("chi",),
    isbns=("9787020002207",),
    issns=(),
    classes=("I242.4",),
    abstract="",
    holders=(
        answers.HolderBrief(
            library="RUC",
            name_zh=_HOLDER.name_zh,
            name_en=_HOLDER.name_en,
            available=True,
            availability_zh=_HOLDER.availability_zh,
            availability_en=_HOLDER.availability_en,
            call_number="I242.4/2",
            location="中文图书借阅区",
            coverage="",
        ),
    ),
    highlights={"title": (answers.Part("红楼梦", True),)},
)

SEARCH = answers.SearchAnswer(
    query="紅樓夢",
    total=42,
    hits=(_HIT,),
    facets={
        "library": (answers.FacetValue("RUC", 31, _HOLDER.name_zh, _HOLDER.name_en),),
        "format": (answers.FacetValue("book", 40, "图书", "Book"),),
    },
    next=answers.NextPage("eyJr…", "http://127.0.0.1:8000/api/search?q=%E7%B4%85%E6%A8%93%E5%A4%A2&after=eyJr…"),
    also_searched=("红楼梦",),
    relaxed=False,
)

RECORD = answers.RecordAnswer(
    id="3K7M2Q9V",
    url=_URL,
    description=_BIB,
    holders=(_HOLDER,),
    sources=(answers.SourceRecordRef("RUC", _HOLDER.name_zh, _HOLDER.name_en, 1, "001234567"),),
    citation=gbt7714(_BIB),
)

HOLDERS = answers.HoldersAnswer(
    candidates=(
        answers.Candidate(
            id="3K7M2Q9V",
            url=_URL,
            confidence=1.0,
            basis=("identifier",),
            basis_zh="编号一致",
            basis_en="The identifier matches",
            title="红楼梦",
            responsibility="(清)曹雪芹著；无名氏续",
            publisher="人民文学出版社",
            year=2008,
            edition="",
            material="book",
            holders=(_HOLDER,),
        ),
    )
)

SUGGEST = answers.SuggestAnswer((answers.SuggestedTitle("红楼梦", "3K7M2Q9V", _URL, 7),))

LIBRARIES = answers.LibrariesAnswer(
    (answers.LibraryEntry("RUC", _HOLDER.name_zh, _HOLDER.name_en, "BALIS", "node", "CN-110108-RUC"),)
)

HEALTH = answers.HealthAnswer(
    True, "ok", answers.StoreHealth(True, ""), answers.EngineHealth(True, "v1-1-20261123", 5321, "")
)

ACCOUNT = answers.AccountAnswer(
    id="4815162342108742",
    login="ruc-20240012",
    roles=("reader",),
    library="RUC",
    name="王芳",
    email="wang@mail.example",
    phone="",
    card="20240012",
    language="zh",
    sponsor="RUC",
    registered_by_officer=True,
    created="2026-03-01T08:00:00Z",
    csrf="5f0c…",
)

KEY = answers.KeyEntry(
    id="7021947365529310",
    prefix="k3v9x0q2ab",
    label="图书馆门户",
    library="RUC",
    roles=("supplier",),
    scopes=("queue",),
    created="2026-03-01T08:00:00Z",
    expires="2027-03-01T08:00:00Z",
    used="",
    revoked="",
    good=True,
)

EXPORT = answers.ExportAnswer(
    ACCOUNT,
    (answers.OwnSession("2026-03-02T01:10:00Z", "2026-03-02T01:25:00Z", "2026-03-02T13:10:00Z"),),
    (),
    (
        answers.OwnRequest(
            17, "红楼梦", "loan", "asking", "2026-03-02T01:20:00Z", "", "要带插图的版本", "到馆自取"
        ),
    ),
    (answers.OwnPayment("top_up", "paid", 5000, 0, "2026-03-01T09:00:00Z"),),
    (answers.OwnMail("receipt", "sent", 17, "2026-03-02T01:20:00Z", '{"title": "红楼梦"}'),),
    (answers.OwnRemark(17, "bad_copy", "2026-03-05T02:00:00Z", "缺第三页"),),
)  # fmt: skip

READER = answers.ReaderAnswer("4815162342108742", "ruc-20240012", "RUC", "3K7M-2Q9V-8XB1-RD6T", 14)

PERSON = answers.PersonEntry(
    "6021947365529311", "ruc-desk", "文献传递", ("requester", "supplier"), "RUC", True, True, "2026-03-01T08:00:00Z", ""
)

PEOPLE = answers.PeopleAnswer((PERSON,), "")

NEW_PERSON = answers.NewPersonAnswer(PERSON, "3K7M-2Q9V-8XB1-RD6T", 14)

KEYS = answers.KeysAnswer((KEY,))

NEW_KEY = answers.NewKeyAnswer("tck_k3v9x0q2ab_…", KEY)
