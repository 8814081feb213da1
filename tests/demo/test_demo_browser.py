# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The demo page in a browser: headless Chromium, where it is installed."""

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import hf_str


webdriver = pytest.importorskip("selenium.webdriver")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402
from selenium.webdriver.support.ui import WebDriverWait  # noqa: E402


CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
SAMPLES = Path(hf_str.__file__).parent / "samples"

pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="this machine has no chromium and chromedriver")


class Page:
    """The page as a visitor sees it."""

    def __init__(self, driver: "webdriver.Chrome", url: str):
        self.driver, self.url = driver, url

    def open(self, width: int = 1280, height: int = 900, is_phone: bool = False):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.get(self.url)
        self.wait(lambda: self.all("#images input[type=file]") and self.all("#samples button img"))

    def wait(self, condition):
        return WebDriverWait(self.driver, 240).until(lambda _: condition())

    def all(self, selector: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def upload(self, *files: Path):
        self.all("#images input[type=file]")[0].send_keys("\n".join(map(str, files)))

    def texts(self) -> list[str]:
        # In one step: the cards are replaced while someone looks.
        return self.driver.execute_script(
            "return [...document.querySelectorAll('#predictions .text')].map((one) => one.textContent)"
        )

    def choose(self, decoder: str):
        (option,) = [one for one in self.all("#decoder label") if one.text.strip() == decoder]
        option.click()

    def requests(self) -> list[str]:
        """Addresses that the browser has asked for."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        sent = [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return [url for url in sent if not url.startswith(("data:", "blob:"))]


@pytest.fixture(scope="module")
def driver() -> Iterator["webdriver.Chrome"]:
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for option in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(driver, demo) -> Page:
    return Page(driver, demo.url)


def test_words_are_read_and_read_again_with_another_decoder(page, tmp_path):
    page.requests()
    page.open()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG and no more")
    page.upload(SAMPLES / "coffee.png", tmp_path / "broken.png", SAMPLES / "exit.png")
    page.wait(lambda: page.texts() == ["Coffee", "EXIT"])
    (failed,) = page.all("#predictions .failed")
    assert "broken.png" in failed.text
    assert [one.text for one in page.all("#predictions .card:last-child .letters b")] == list("EXIT")

    assert page.all("#predictions")[0].get_attribute("aria-live") == "polite"

    assert not page.all("#words textarea")
    page.choose("lexicon")
    page.wait(lambda: "The lexicon is empty" in page.all("#predictions")[0].text)
    page.wait(lambda: page.all("#words textarea"))[0].send_keys("tea toffee exits")
    page.wait(lambda: page.texts() == ["toffee", "exits"])

    page.choose("beam search")
    page.wait(lambda: page.texts() == ["toffee", "exits"])
    page.choose("best path")
    page.wait(lambda: page.texts() == ["Coffee", "EXIT"])
    assert not page.all("#words textarea")

    assert [url for url in page.requests() if not url.startswith(page.url)] == []


def test_by_keyboard(page):
    page.open()
    keys = page.driver.switch_to.active_element
    for _ in range(20):
        keys.send_keys(Keys.TAB)
        keys = page.driver.switch_to.active_element
        if keys.find_elements(By.CSS_SELECTOR, "img") and keys.tag_name == "button":
            break
    keys.send_keys(Keys.ENTER)
    page.wait(lambda: page.texts() == ["Bakery"])
    for _ in range(40):
        keys = page.driver.switch_to.active_element
        if keys.tag_name == "summary":
            break
        keys.send_keys(Keys.TAB)
    keys.send_keys(Keys.ENTER)
    (picture,) = page.all("#predictions .picture img")
    page.wait(picture.is_displayed)
    assert picture.get_attribute("alt").startswith("How CTC came to this text")
    page.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert page.driver.switch_to.active_element.get_attribute("class") == "picture"


def test_pasted_images(page):
    page.open()
    content = base64.b64encode((SAMPLES / "hello.png").read_bytes()).decode()
    page.driver.execute_script(
        """
        const bytes = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0));
        const data = new DataTransfer();
        data.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
        document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
        """,
        content,
    )
    page.wait(lambda: page.texts() == ["hello"])


def test_on_a_phone(page):
    page.open(width=390, height=844, is_phone=True)
    page.upload(SAMPLES / "market.png")
    page.wait(lambda: page.texts() == ["Market"])
    page.all("#predictions summary")[0].click()
    assert page.driver.execute_script("return document.documentElement.scrollWidth") <= 390
    for card in page.all("#predictions .card, #samples, #images, #decoder"):
        assert card.rect["x"] >= 0
        assert card.rect["x"] + card.rect["width"] <= 390
    (frame,) = page.all("#predictions .picture")
    assert page.driver.execute_script("return arguments[0].scrollWidth > arguments[0].clientWidth", frame)
