"""The pages of accounts in Chromium: every width and language, by keyboard, without JavaScript."""

from __future__ import annotations

from itertools import pairwise

import pytest
from api_people import PASSWORD
from browsing import next_page
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_reader_pages import TOO_WIDE, complaints, look

pytestmark = pytest.mark.browser

UNLABELLED = (
    "return [...document.querySelectorAll('input:not([type=hidden]), select')].filter(e => !e.labels.length).length"
)


def sign_in(driver: webdriver.Chrome, site: str, login: str) -> None:
    driver.get(f"{site}/sign-in")
    driver.find_element(By.ID, "login").send_keys(login)
    with next_page(driver):
        driver.find_element(By.ID, "password").send_keys(PASSWORD, Keys.ENTER)
    assert driver.current_url == f"{site}/account"


def look_closely(driver: webdriver.Chrome, language: str) -> None:
    assert driver.execute_script(TOO_WIDE) == []
    assert driver.find_element(By.TAG_NAME, "html").get_attribute("lang") == {"zh": "zh-Hans", "en": "en"}[language]
    assert complaints(driver) == []
    levels = [int(each.tag_name[1]) for each in driver.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert driver.execute_script(UNLABELLED) == 0
    described = driver.find_elements(By.CSS_SELECTOR, "[aria-describedby]")
    for each in described:
        for name in str(each.get_attribute("aria-describedby")).split():
            assert driver.find_elements(By.ID, name), name
    ids = [each.get_attribute("id") for each in driver.find_elements(By.CSS_SELECTOR, "[id]")]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("page", ["/sign-in?", "/set-password?", "/register?", "/account/erased?"])
def test_a_page_for_everybody_fits_its_window(
    chromium: webdriver.Chrome, site: str, page: str, width: int, language: str
) -> None:
    complaints(chromium)
    look(chromium, f"{site}{page}&lang={language}", width)
    look_closely(chromium, language)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [320, 1280])
def test_the_pages_of_an_officer_fit_their_window(
    chromium: webdriver.Chrome, site: str, officer: str, width: int, language: str
) -> None:
    look(chromium, site, width)
    sign_in(chromium, site, officer)
    complaints(chromium)
    for page in ("/account", "/readers/new", "/"):
        chromium.get(f"{site}{page}?lang={language}")
        look_closely(chromium, language)
    chromium.get(f"{site}/readers/new")
    chromium.find_element(By.ID, "name").send_keys("王芳")
    with next_page(chromium):
        chromium.find_element(By.ID, "card").send_keys("11010519491231002X", Keys.ENTER)
    assert chromium.find_elements(By.CLASS_NAME, "wrong")
    look_closely(chromium, language)
    assert chromium.find_element(By.ID, "card").get_attribute("aria-invalid") == "true"


def test_a_reader_is_registered_and_signs_in_without_javascript(
    chromium_without_javascript: webdriver.Chrome, site: str, officer: str
) -> None:
    driver = chromium_without_javascript
    driver.get(site)
    driver.delete_all_cookies()
    sign_in(driver, site, officer)
    with next_page(driver):
        driver.find_element(By.CSS_SELECTOR, 'nav a[href="/readers/new"]').click()
    driver.find_element(By.ID, "name").send_keys("王芳")
    with next_page(driver):
        driver.find_element(By.ID, "card").send_keys("0012", Keys.ENTER)
    login, code = (each.text for each in driver.find_elements(By.CSS_SELECTOR, ".slip code")[:2])
    with next_page(driver):
        driver.find_element(By.CSS_SELECTOR, 'nav a[href="/account"]').click()
    with next_page(driver):
        driver.find_element(By.CSS_SELECTOR, 'form[action="/sign-out"] button').click()
    assert driver.current_url == f"{site}/"
    assert driver.find_elements(By.CSS_SELECTOR, 'nav a[href="/sign-in"]')
    driver.get(f"{site}/set-password")
    for field, value in (("login", login), ("code", code.lower()), ("password", PASSWORD), ("again", PASSWORD)):
        driver.find_element(By.ID, field).send_keys(value)
    with next_page(driver):
        driver.find_element(By.ID, "again").send_keys(Keys.ENTER)
    assert driver.current_url == f"{site}/account"
    assert "0012" in driver.find_element(By.CSS_SELECTOR, ".slip").text
    driver.find_element(By.ID, "erase_password").send_keys(PASSWORD)
    driver.find_element(By.CSS_SELECTOR, "[name=confirm]").click()
    with next_page(driver):
        driver.find_element(By.CSS_SELECTOR, "button.danger").click()
    assert driver.current_url == f"{site}/account/erased"
    driver.get(f"{site}/account")
    assert "/sign-in" in driver.current_url


def test_signing_in_by_keyboard(chromium: webdriver.Chrome, site: str, officer: str) -> None:
    look(chromium, f"{site}/account")
    assert "next=%2Faccount" in chromium.current_url
    chromium.find_element(By.ID, "login").send_keys(officer, Keys.TAB)
    focused = chromium.switch_to.active_element
    assert focused.get_attribute("id") == "password"
    focused.send_keys(PASSWORD, Keys.TAB)
    with next_page(chromium):
        chromium.switch_to.active_element.send_keys(Keys.ENTER)
    assert chromium.current_url == f"{site}/account"
