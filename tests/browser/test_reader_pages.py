"""The reader's pages in Chromium: every width and language, by keyboard, without JavaScript, with hostile data."""

from __future__ import annotations

from itertools import pairwise
from urllib.parse import quote

import pytest
from api_catalogue import DELETED, HONGLOUMENG, HOSTILE, PAYLOADS
from browsing import SECONDS, next_page
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support import expected_conditions
from selenium.webdriver.support.ui import WebDriverWait

from mappings.model import union_id

pytestmark = pytest.mark.browser

PAGES = {
    "home": "/?",
    "results": f"/search?q={quote('红楼梦')}",
    "filtered": f"/search?q={quote('红楼梦')}&lib=RUC&year_from=1950&available=1",
    "everything": "/search?sort=title",
    "nothing": "/search?q=qqxxzz&field=title&lib=RUC",
    "record": f"/record/{union_id(HONGLOUMENG)}?",
    "libraries": "/libraries?",
    "holders": "/holders?number=9787020002207",
    "not found": "/record/00000000?",
    "gone": f"/record/{union_id(DELETED)}?",
    "wrong parameter": "/search?size=1000",
}

TOO_WIDE = """
const width = window.innerWidth;
if (document.documentElement.scrollWidth <= width) return [];
return [...document.querySelectorAll("*")]
  .filter((element) => element.getBoundingClientRect().right > width)
  .map((element) => `${element.tagName}.${element.className} ${element.textContent.slice(0, 40)}`);
"""


def look(driver: webdriver.Chrome, url: str, width: int = 1280) -> None:
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    )
    driver.delete_all_cookies()
    driver.get(url)


def complaints(driver: webdriver.Chrome) -> list[str]:
    """What the console says of scripts, styles and blocked content; the status of the page itself is no matter."""
    entries = [entry["message"] for entry in driver.get_log("browser")]
    return [entry for entry in entries if "Failed to load resource" not in entry]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_fits_its_window(chromium: webdriver.Chrome, site: str, page: str, width: int, language: str) -> None:
    complaints(chromium)
    look(chromium, f"{site}{PAGES[page]}&lang={language}", width)
    assert chromium.execute_script(TOO_WIDE) == []
    assert chromium.find_element(By.TAG_NAME, "html").get_attribute("lang") == {"zh": "zh-Hans", "en": "en"}[language]
    assert complaints(chromium) == []
    levels = [int(each.tag_name[1]) for each in chromium.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    unnamed = chromium.execute_script(
        "return [...document.querySelectorAll('input:not([type=hidden]), select')].filter(e => !e.labels.length).length"
    )
    assert unnamed == 0


def focused(driver: webdriver.Chrome) -> str:
    return str(driver.execute_script("return document.activeElement.getAttribute('href') || document.activeElement.id"))


def test_from_search_to_record_by_keyboard(chromium: webdriver.Chrome, site: str) -> None:
    look(chromium, site)
    keys = webdriver.ActionChains(chromium)
    keys.send_keys(Keys.TAB).perform()
    assert focused(chromium) == "#main"
    keys.send_keys(Keys.ENTER).perform()
    assert focused(chromium) == "main"
    keys.send_keys(Keys.TAB).perform()
    assert focused(chromium) == "q"
    with next_page(chromium):
        keys.send_keys("hong lou meng", Keys.ENTER).perform()
    assert "/search?q=hong" in chromium.current_url
    wanted = f"/record/{union_id(HONGLOUMENG)}"
    for _ in range(150):
        keys.send_keys(Keys.TAB).perform()
        if focused(chromium) == wanted:
            break
    assert focused(chromium) == wanted
    with next_page(chromium):
        keys.send_keys(Keys.ENTER).perform()
    assert wanted in chromium.current_url
    assert "中国人民大学图书馆" in chromium.find_element(By.CSS_SELECTOR, "table.holdings").text


def test_a_suggestion_is_taken_by_keyboard(chromium: webdriver.Chrome, site: str) -> None:
    look(chromium, site)
    box = chromium.find_element(By.ID, "q")
    box.send_keys("hlm")
    shown = expected_conditions.visibility_of_element_located((By.CSS_SELECTOR, "[role=option]"))
    WebDriverWait(chromium, SECONDS).until(shown)
    assert box.get_attribute("aria-expanded") == "true"
    box.send_keys(Keys.ARROW_DOWN)
    chosen = chromium.find_element(By.CSS_SELECTOR, "[role=option][aria-selected=true]")
    assert box.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    title = chosen.text
    with next_page(chromium):
        box.send_keys(Keys.ENTER)
    assert "/search?q=" in chromium.current_url
    assert chromium.find_element(By.ID, "q").get_attribute("value") == title
    assert title.startswith("红楼梦")


def test_filters_fold_on_a_phone_and_stand_open_on_a_desk(chromium: webdriver.Chrome, site: str) -> None:
    url = f"{site}/search?q={quote('红楼梦')}"
    look(chromium, url, 320)
    assert not chromium.find_element(By.CSS_SELECTOR, ".apply button").is_displayed()
    chromium.find_element(By.CSS_SELECTOR, ".filter-fold > summary").click()
    assert chromium.find_element(By.CSS_SELECTOR, ".apply button").is_displayed()
    look(chromium, url, 1280)
    # Selenium holds everything in a closed <details> for hidden; the pointer knows better.
    box = chromium.find_element(By.CSS_SELECTOR, "input[name=lib][value=CLCN]")
    assert chromium.execute_script("return arguments[0].checkVisibility()", box)
    pointer = webdriver.ActionChains(chromium)
    with next_page(chromium):
        pointer.click(box).click(chromium.find_element(By.CSS_SELECTOR, ".apply button")).perform()
    assert "lib=CLCN" in chromium.current_url
    order = chromium.execute_script(
        "return document.querySelector('.filters').compareDocumentPosition(document.querySelector('.hits'))"
    )
    assert order & 4, "filters come before the hits in the source"


def test_everything_works_without_javascript(chromium_without_javascript: webdriver.Chrome, site: str) -> None:
    driver = chromium_without_javascript
    driver.set_window_size(600, 900)
    driver.get(site)
    assert driver.find_elements(By.CSS_SELECTOR, "[role=combobox]") == [], "JavaScript is on"
    with next_page(driver):
        driver.find_element(By.ID, "q").send_keys("红楼梦", Keys.ENTER)
    found = len(driver.find_elements(By.CSS_SELECTOR, ".hit"))
    driver.find_element(By.CSS_SELECTOR, ".filter-fold > summary").click()
    driver.find_element(By.CSS_SELECTOR, "input[name=lib][value=RUC]").click()
    with next_page(driver):
        driver.find_element(By.CSS_SELECTOR, ".apply button").click()
    assert "lib=RUC" in driver.current_url
    assert 0 < len(driver.find_elements(By.CSS_SELECTOR, ".hit")) < found
    with next_page(driver):
        driver.find_element(By.CSS_SELECTOR, ".active a").click()
    assert len(driver.find_elements(By.CSS_SELECTOR, ".hit")) == found
    with next_page(driver):
        driver.find_element(By.CSS_SELECTOR, ".hit h3 a").click()
    assert driver.find_element(By.CSS_SELECTOR, "table.holdings").is_displayed()
    with next_page(driver):
        driver.find_element(By.CSS_SELECTOR, "[hreflang=en]").click()
    assert driver.find_element(By.ID, "description").text == "Description"
    driver.get(f"{site}/search")
    with next_page(driver):
        driver.find_element(By.CSS_SELECTOR, ".paging .next").click()
    assert "after=" in driver.current_url
    assert len(driver.find_elements(By.CSS_SELECTOR, ".hit")) == 10


HOSTILE_PATHS = [
    *(f"/record/{union_id(HOSTILE + place)}" for place in range(len(PAYLOADS))),
    "/search?q=hostile",
    "/libraries",
    *(f"/search?q={quote(payload)}" for payload in PAYLOADS),
    *(f"/search?subject={quote(payload)}&sort={quote(payload)}" for payload in PAYLOADS[:3]),
]


def test_hostile_data_run_nothing(chromium: webdriver.Chrome, site: str) -> None:
    for path in HOSTILE_PATHS:
        complaints(chromium)
        look(chromium, site + path)
        assert expected_conditions.alert_is_present()(chromium) is False, path
        assert complaints(chromium) == [], path
        assert chromium.execute_script("return window.hostile === undefined"), path
        assert chromium.find_elements(By.CSS_SELECTOR, "iframe, object, embed, base, main img, main script") == [], path
        assert chromium.execute_script(
            "return [...document.links].every(a => ['http:', 'https:'].includes(a.protocol))"
        ), path
