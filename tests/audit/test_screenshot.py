"""The report in a browser: nothing overflows, no label is clipped, nothing is too small to read, and dark is dark."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from privlib.audit import Audit
from privlib.audit.picture import PALETTE
from privlib.bounds import Bound

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on PATH: install the Debian package chromium to see the report"
)

WIDTHS = (360, 1100)
SCHEMES = {"dark": "0", "light": "1"}  # as Chromium numbers them
SMALLEST = 9.0  # pixels

MEASURE = """
onload = () => {
  const found = [];
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement, wide = root.clientWidth;
    const seen = element => element.getClientRects().length > 0;
    const texts = [...page.querySelectorAll("svg text")].filter(seen);
    const clipped = texts.filter(text => {
      const box = text.getBoundingClientRect(), around = text.closest("svg").getBoundingClientRect();
      return Math.min(box.left - around.left, around.right - box.right, box.top - around.top, around.bottom - box.bottom) < -1;
    });
    const out = [...page.querySelectorAll("main *")].filter(seen).filter(
      element => element.getBoundingClientRect().right > wide + 1 || element.getBoundingClientRect().left < -1);
    const scale = text => { const m = text.getScreenCTM(); return Math.hypot(m.a, m.b); };
    found.push({
      name: frame.title, width: root.scrollWidth, height: root.scrollHeight, shown: wide,
      clipped: clipped.map(text => text.textContent),
      outside: out.map(element => element.tagName + ": " + element.textContent.slice(0, 40)),
      drawings: [...page.querySelectorAll("svg")].filter(seen).length, texts: texts.length,
      smallest: Math.min(99, ...texts.map(text => parseFloat(getComputedStyle(text).fontSize) * scale(text))),
      under: getComputedStyle(page.body).backgroundColor, open: page.querySelectorAll("details[open]").length,
    });
  }
  const told = document.createElement("pre");
  told.id = "told"; told.textContent = JSON.stringify(found); document.body.append(told);
};
"""


def audit(**change: Any) -> Audit:
    fields: dict[str, Any] = {
        "title": "my_package.my_module_with_a_rather_long_name:release_the_whole_table",
        "claim": Bound.pure(1, neighbours="replace"),
        "pair": "four people against four others with one record replaced (replace)",
        "searched": (("four people against four others with one record replaced", 1.4), ("x" * 70, 0.123)),
        "trials": 500_000,
        "training": 100_000,
        "counts": ((98_765, 60_000, 30_000, 11_000, 235), (235, 11_000, 30_000, 60_000, 98_765)),
        "guesses": (0, -1, -1, -1, 1),
        "everywhere": (0, 0, 0, 1, 1),
        "cells": (*(f"number {number} of the output from {number}.25 below {number + 1}.5" for number in range(4)), "y" * 60),
        "path": tuple((size, size // 2, size // 2 - size // 850) for size in (100, 1000, 10_000, 100_000, 400_000)),
        "raised": 12,
        "confidence": 0.999,
        "rule": "learned from the training part: look at number 3 of the output, sort it into cells, and guess in some of them",
        "notes": ("The mechanism raised in 12 trials; an exception counts as an output.",),
        "secure": False,
        "seed": 3,
        "theorem": "survival.t1",
        "reproduce": "privlib audit run my_package.my_module_with_a_rather_long_name:release_the_whole_table --epsilon 1",
        "seconds": 1.5,
        "rule_seconds": 0.2,
        "versions": {"python": "3.11.7", "numpy": "2.1.0", "scipy": "1.14.0"},
    }
    return Audit(**{**fields, **change})


WORLDS = 30
AUDITS = {
    "violation": audit(),
    "quiet": audit(counts=((60_000, 40_000, 40_000, 40_000, 20_000), (20_000, 40_000, 40_000, 40_000, 60_000))),
    "alarming": audit(alarm="1999 of 2000 outputs had come before, in an earlier call: noise is repeated"),
    "gaussian": audit(claim=Bound.gdp("1/4", neighbours="replace"), guesses=(0, 0, 0, 1, 1)),
    "many worlds": audit(
        claim=Bound.pure(1, neighbours="replace"),
        counts=tuple(tuple(800 if world == cell else 300 for cell in range(WORLDS)) for world in range(WORLDS)),
        guesses=tuple(range(WORLDS)),
        everywhere=tuple(range(WORLDS)),
        cells=tuple(f"the whole output is {cell}" for cell in range(WORLDS)),
        path=((1000, 1000, 82), (285_000, 285_000, 24_000)),
    ),
}


def browse(folder: Path, document: str, scheme: str, *options: str) -> str:
    """Show a document to a fresh browser."""
    assert CHROMIUM is not None
    shown = folder / "shown.html"
    shown.write_text(document, encoding="utf-8")
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'profile'}", f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}"]
    finished = subprocess.run([*command, *options, shown.as_uri()], capture_output=True, text=True, timeout=150, check=False)
    assert finished.returncode == 0, finished.stderr[-2000:]
    return finished.stdout


def framed(pages: dict[str, str], widths: tuple[int, ...], height: int, script: str = "") -> str:
    """Pages side by side in frames of given widths, for a window cannot be as narrow as a phone."""
    frames = "".join(
        f'<iframe title="{name} at {width}" style="width:{width}px;height:{height}px" srcdoc="{html.escape(page)}"></iframe>'
        for name, page in pages.items()
        for width in widths
    )
    head = '<!doctype html><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    style = (
        "<style>body { margin: 0; width: 10000px; display: flex; align-items: start } iframe { flex: none; border: 0 }</style>"
    )
    return f"{head}{style}<body>{frames}<script>{script}</script>"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    pytest.importorskip("matplotlib")
    return {name: found.to_html() for name, found in AUDITS.items()}


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


@pytest.mark.parametrize("scheme", list(SCHEMES))
@pytest.mark.parametrize("unfolded", [False, True], ids=["folded", "unfolded"])
def test_nothing_overflows_and_every_label_can_be_read(
    pages: dict[str, str], scheme: str, tmp_path: Path, *, unfolded: bool
) -> None:
    shown = {name: page.replace("<details>", "<details open>") if unfolded else page for name, page in pages.items()}
    answer = browse(tmp_path, framed(shown, WIDTHS, 900, MEASURE), scheme, "--window-size=1600,1000", "--dump-dom")
    told = re.search('<pre id="told">(.*?)</pre>', answer, flags=re.DOTALL)
    assert told is not None, answer[-500:]
    found = json.loads(html.unescape(told[1]))
    assert len(found) == len(AUDITS) * len(WIDTHS)
    for frame in found:
        assert frame["width"] <= frame["shown"], f"{frame['name']} is {frame['width']} wide"
        assert frame["outside"] == [], frame["name"]
        assert frame["clipped"] == [], frame["name"]
        assert frame["smallest"] >= SMALLEST, frame["name"]
        assert frame["under"] == f"rgb{rgb(PALETTE[scheme]['paper'])}", frame["name"]
        assert frame["height"] > 1200
        alarming = frame["name"].startswith("alarming")
        assert (frame["drawings"] == 0) == alarming
        assert frame["drawings"] <= 4, "one theme is shown, not both"
        assert (frame["open"] > 0) == (unfolded and not alarming)


@pytest.mark.parametrize("scheme", list(SCHEMES))
def test_the_picture_of_the_page_is_not_blank_and_has_the_colours_of_its_theme(
    pages: dict[str, str], scheme: str, tmp_path: Path
) -> None:
    image = pytest.importorskip("matplotlib.image")
    height = 3200
    document = framed({"violation": pages["violation"]}, WIDTHS, height)
    target = tmp_path / "page.png"
    browse(tmp_path, document, scheme, f"--window-size={sum(WIDTHS)},{height}", f"--screenshot={target}")
    pixels = np.round(255 * image.imread(target)[:, :, :3]).astype(int)
    assert pixels.shape[:2] == (height, sum(WIDTHS))
    colour = {name: np.array(rgb(value)) for name, value in PALETTE[scheme].items()}
    for begin, width in zip((0, WIDTHS[0]), WIDTHS, strict=True):
        part = pixels[:, begin : begin + width]
        share = {name: float((part == value).all(axis=2).mean()) for name, value in colour.items()}
        assert 0.5 < share["paper"] < 0.98
        assert share["ink"] > 0.001
        assert share["violation"] > 0.001  # the bar, the line and the verdict's edge
        assert share["violation-tint"] > 0.005
        top = part[:400]
        assert (top == colour["violation-tint"]).all(axis=2).any(), "the verdict is on the first screen"
