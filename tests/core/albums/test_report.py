"""The report is one file: sliders that move, names that stay text, nothing from elsewhere."""

import re

import pytest
import torch
from browser import CHROMIUM

from pdgrad_core.albums.face_reader import jpeg
from pdgrad_core.albums.report import write_report
from pdgrad_core.albums.work_list import Record, WorkList

HOSTILE = "<img src=x onerror=\"document.title='x'\"> & 'b'.png"


def row(name):
    return {
        "name": name,
        "similarity": 0.7,
        "margin": 0.3,
        "nearest": "<b>bert</b>",
        "weights": [1.0],
        "by_hand": False,
        "leave": False,
    }


@pytest.fixture
def report(tmp_path):
    work = WorkList(tmp_path)
    dark, bright = (jpeg(torch.full((1, 3, 60, 90), value), 480) for value in (-0.8, 0.8))
    records = [
        Record(HOSTILE, "done", look=[row("</script><script>document.title='x'</script>")]),
        Record("2.png", "done", look=[row("anna"), row("")]),
        Record("broken <i>.jpg", "failed", error="It is <u>no</u> picture."),
        Record("wall.png", "no face"),
    ]
    for record in records[:2]:
        work.put(record, before=dark, after=bright)
    names = {record.path: f"sub/{record.path}" for record in records}
    path = write_report(tmp_path, records, work, names)
    work.close()
    return path


def test_it_is_one_file_without_anything_from_elsewhere(report):
    text = report.read_text(encoding="utf-8")
    assert "http://" not in text
    assert "https://" not in text
    assert not re.findall(r"(?:src|href)=\"(?!data:image/jpeg;base64,|sub/)", text)
    assert text.count("data:image/jpeg") == 4
    assert "<script>document.title" not in text
    assert "4 photos: 2 done, 1 failed, 1 no face" in text
    assert "It is &lt;u&gt;no&lt;/u&gt; picture." in text


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_shows_it_and_the_sliders_work(report):
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        faults, asked = [], []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        assert page.title() == "Album"
        assert page.locator("figure").count() == 2
        assert page.locator("figcaption a").first.inner_text() == HOSTILE
        assert page.locator("figcaption b, figcaption i, figcaption script").count() == 0
        shown = "els => els.every(e => e.complete && e.naturalWidth === 90)"
        assert page.locator("img").evaluate_all(shown)
        pair = page.locator(".pair").first
        at = "e => getComputedStyle(e).getPropertyValue('--at').trim()"
        clip = "e => getComputedStyle(e).clipPath"
        assert pair.evaluate(at) == "50%"
        page.locator("input[type=range]").first.fill("20")
        assert pair.evaluate(at) == "20%"
        assert "20%" in page.locator(".after").first.evaluate(clip)
        assert page.locator(".pair").nth(1).evaluate(at) == "50%"
        assert faults == []
        assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
        browser.close()
