"""Requests in Chromium: the whole way of a reader and of officers, by keyboard, without JavaScript, at every width."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from api_catalogue import HONGLOUMENG, HOSTILE, PAYLOADS, SHISHUO, STONE, XUEKAN
from api_people import PASSWORD
from browsing import next_page
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from test_people import look_closely, sign_in
from test_reader_pages import complaints, look

from mappings.model import union_id

pytestmark = pytest.mark.browser

Person = Callable[..., str]
NEEDED = "textarea, input:not([type=hidden]), select"
UNLABELLED = f"return [...document.querySelectorAll('{NEEDED}')].filter(e => !e.labels.length).length"
SEND = "form.sheet button:not(.second)"


def find(driver: webdriver.Chrome, css: str) -> WebElement:
    return driver.find_element(By.CSS_SELECTOR, css)


def press(driver: webdriver.Chrome, element: WebElement) -> None:
    """Click what leads to another page, and wait for that page."""
    with next_page(driver):
        element.click()


def enter_text(driver: webdriver.Chrome, css: str, text: str) -> None:
    """Fill in a form's last field, send it by the enter key, and wait for the page that follows."""
    with next_page(driver):
        find(driver, css).send_keys(text, Keys.ENTER)


def open_fold(driver: webdriver.Chrome, step: str) -> WebElement:
    """The form of that step, unfolded."""
    form = find(driver, f'form:has(input[name="name"][value="{step}"])')
    fold = form.find_elements(By.XPATH, "ancestor::details[not(@open)]/summary")
    for summary in fold:
        summary.click()
    return form


def enter(driver: webdriver.Chrome, site: str, login: str) -> None:
    driver.get(site)
    driver.delete_all_cookies()
    sign_in(driver, site, login)


def ask(driver: webdriver.Chrome, site: str, key: int, **told: str) -> str:
    """Fill in the form of a record, and send it; the address of the request."""
    driver.get(f"{site}/request?record={union_id(key)}")
    for name, value in told.items():
        find(driver, f"#{name}").send_keys(value)
    press(driver, find(driver, SEND))
    assert find(driver, ".receipt").text
    return driver.current_url.partition("?")[0]


def symbol_of_asked(driver: webdriver.Chrome) -> str:
    names = {"中国人民大学图书馆": "RUC", "清华大学图书馆": "THU", "北京师范大学图书馆": "BNU"}
    said = find(driver, ".standing .library").text
    return next(symbol for name, symbol in names.items() if name in said)


# ---------------------------------------------------------------------------------------------- the whole way


def test_the_whole_way_without_javascript(
    chromium_without_javascript: webdriver.Chrome, site: str, person: Person
) -> None:
    driver = chromium_without_javascript
    reader, officer = person("reader"), person("requester", "supplier", library="RUC")
    driver.get(site)
    driver.delete_all_cookies()
    enter_text(driver, "#q", "世说新语")
    press(driver, find(driver, ".hit h3 a"))
    press(driver, find(driver, "a.button"))
    find(driver, "#login").send_keys(reader)
    enter_text(driver, "#password", PASSWORD)
    assert driver.current_url.endswith(f"/request?record={union_id(SHISHUO)}")
    assert "中国人民大学图书馆" in find(driver, ".suppliers li").text and "%" in find(driver, ".measures").text
    press(driver, find(driver, SEND))
    address = driver.current_url.partition("?")[0]
    number = address.rpartition("/")[2]
    assert number in find(driver, ".receipt").text
    assert "已发给 中国人民大学图书馆" in find(driver, ".standing").text and "预计" in find(driver, ".standing").text
    press(driver, find(driver, 'nav a[href="/requests"]'))
    assert "世说新语" in find(driver, ".request-list").text

    enter(driver, site, officer)
    press(driver, find(driver, 'nav a[href="/queue"]'))
    press(driver, find(driver, f'.queue a[href="/requests/{number}"]'))
    form = find(driver, 'form:has(input[name="name"][value="fill"])')
    form.find_element(By.NAME, "via").send_keys("自取")
    press(driver, form.find_element(By.TAG_NAME, "button"))
    assert "已送达" in find(driver, ".standing").text
    driver.get(f"{site}/queue")
    assert not driver.find_elements(By.CSS_SELECTOR, f'a[href="/requests/{number}"]')

    enter(driver, site, reader)
    driver.get(address)
    press(driver, open_fold(driver, "receive").find_element(By.TAG_NAME, "button"))
    assert "已完成" in find(driver, ".standing").text
    driver.get(f"{site}/requests")
    assert not driver.find_elements(By.CSS_SELECTOR, ".request-list li")
    press(driver, find(driver, 'a[href="/requests?closed=1"]'))
    assert "世说新语" in find(driver, ".request-list").text


def test_a_refusal_goes_on_to_the_next_library(chromium: webdriver.Chrome, site: str, person: Person) -> None:
    look(chromium, site)
    reader = person("reader")
    enter(chromium, site, reader)
    address = ask(chromium, site, STONE)
    first = symbol_of_asked(chromium)
    enter(chromium, site, person("supplier", library=first))
    chromium.get(address)
    form = open_fold(chromium, "refuse")
    form.find_element(By.NAME, "code").send_keys("不在架")
    press(chromium, form.find_element(By.TAG_NAME, "button"))
    assert "不在架" in find(chromium, ".rota .reason").text
    enter(chromium, site, reader)
    chromium.get(address)
    assert symbol_of_asked(chromium) != first


def test_from_search_to_receipt_by_keyboard(chromium: webdriver.Chrome, site: str, person: Person) -> None:
    look(chromium, site)
    enter(chromium, site, person("reader"))
    enter_text(chromium, "#q", "世说新语")
    for css in (".hit h3 a", "a.button"):
        with next_page(chromium):
            find(chromium, css).send_keys(Keys.ENTER)
    find(chromium, "#delivery").send_keys("北区服务台", Keys.TAB)
    focused = chromium.switch_to.active_element
    assert focused.get_attribute("id") == "note"
    focused.send_keys("请包好", Keys.TAB)
    assert chromium.switch_to.active_element.tag_name == "summary"
    chromium.switch_to.active_element.send_keys(Keys.TAB)
    with next_page(chromium):
        chromium.switch_to.active_element.send_keys(Keys.ENTER)
    assert find(chromium, ".receipt").text
    assert "北区服务台" in find(chromium, ".side").text and "请包好" in find(chromium, ".side").text


def test_what_is_told_first_and_what_is_missing(chromium: webdriver.Chrome, site: str, person: Person) -> None:
    look(chromium, site)
    enter(chromium, site, person("reader"))
    chromium.get(f"{site}/request?record={union_id(HONGLOUMENG)}")
    assert "本馆已有" in find(chromium, ".told").text
    press(chromium, find(chromium, SEND))
    assert chromium.current_url == f"{site}/request"
    assert "本馆已有" in find(chromium, ".told").text
    chromium.get(f"{site}/request?record={union_id(XUEKAN)}")
    press(chromium, find(chromium, SEND))
    assert find(chromium, "#date-wrong").text == "缺少年份或卷号。"
    look_closely(chromium, "zh")


# ---------------------------------------------------------------------------------------------- every page


def look_at_all(driver: webdriver.Chrome, site: str, pages: list[str], language: str) -> None:
    complaints(driver)
    for page in pages:
        driver.get(f"{site}{page}{'&' if '?' in page else '?'}lang={language}")
        driver.execute_script("document.querySelectorAll('details').forEach(each => { each.open = true })")
        look_closely(driver, language)
        assert driver.execute_script(UNLABELLED) == 0, page


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_requests_fit_their_window(
    chromium: webdriver.Chrome, site: str, person: Person, width: int, language: str
) -> None:
    look(chromium, site, width)
    enter(chromium, site, person("reader"))
    one = ask(chromium, site, STONE, note="很长的说明" * 30).removeprefix(site)
    first = symbol_of_asked(chromium)
    forms = [f"/request?record={union_id(key)}" for key in (HONGLOUMENG, SHISHUO, XUEKAN)]
    free = "title=%E5%A4%A9%E4%B9%A6&volume=3&genre=article"
    look_at_all(
        chromium,
        site,
        [*forms, f"/request?{free}", "/request/new", f"/request/match?{free}", f"/openurl?{free}", "/requests",
         "/requests?closed=1", one, f"{one}?sent=1"],
        language,
    )  # fmt: skip
    enter(chromium, site, person("requester", "supplier", "admin", library=first))
    staff = ["/queue", "/library/requests", "/desk", "/library/policy", "/library/corrections", one]
    look_at_all(chromium, site, staff, language)
    enter(chromium, site, person("requester", library="CLCN"))
    look_at_all(chromium, site, ["/library/requests", "/library/requests?closed=1", forms[0], one], language)
    enter(chromium, site, person("system"))
    look_at_all(chromium, site, ["/queue?library=RUC", "/library/policy", "/library/requests"], language)


@pytest.mark.parametrize("place", range(0, len(PAYLOADS), 3))
def test_hostile_data_stay_text(chromium: webdriver.Chrome, site: str, person: Person, place: int) -> None:
    look(chromium, site)
    enter(chromium, site, person("reader", name=PAYLOADS[place][:100]))
    complaints(chromium)
    payload = "".join(each for each in PAYLOADS[place] if each.isprintable())
    told = {"pages": "1-2", "note": payload, "delivery": payload}
    address = ask(chromium, site, HOSTILE + place, **told)
    assert payload[:20] in find(chromium, "main").text
    for page in (f"{site}/request?record={union_id(HOSTILE + place)}", f"{site}/requests", address):
        chromium.get(page)
        assert chromium.execute_script("return window.hostile") is None
    assert complaints(chromium) == []


def test_signing_in_leads_back_to_what_was_wanted(chromium: webdriver.Chrome, site: str, person: Person) -> None:
    look(chromium, f"{site}/request?record={union_id(SHISHUO)}")
    find(chromium, "#login").send_keys(person("reader"))
    enter_text(chromium, "#password", PASSWORD)
    assert chromium.current_url == f"{site}/request?record={union_id(SHISHUO)}"
