"""The result sheet and the page, from an outcome."""

from __future__ import annotations

import json
import shutil
import subprocess
from html import escape, unescape
from pathlib import Path

import pytest

from launcher import page
from launcher.outcome import HOLE, JudgedTest, Outcome, RequirementVerdict
from launcher.requirements import Requirement
from launcher.sheet import sheet
from launcher.tested import Subject
from launcher.verdicts import Verdict

BUDGETS = (
    {"name": "fast", "limit": 5, "used": 1, "unit": "s", "verdict": "PASS", "test": "Critical.A.One"},
    {"name": "slow", "limit": 2, "used": 4, "unit": "s", "verdict": "FAIL", "test": "Critical.A.One"},
)
OUTCOME = Outcome(
    name="critical",
    target="embedded",
    seed="77",
    seconds=9.04,
    tests=(
        JudgedTest("Critical.A.One", Verdict.FAIL, "<i>1</i> != 2\nmore", ("id:C01-07",), title="One"),
        JudgedTest("Critical.B.Two", Verdict.UNKNOWN, "UNKNOWN: no worker reported it", reported=False),
    ),
    problems=("something else",),
    budgets=BUDGETS,
    requirements={
        "C01.1": RequirementVerdict(Verdict.FAIL, ("Critical.A.One",), "<i>1</i> != 2", 3.0),
        "C05.1": HOLE,
        "C05.2": HOLE,
    },
    elsewhere={"H05": "pytest tests/launcher", "H06": "pytest tests/launcher", "M14": "./run coverage"},
    unclaimed=("Critical.A.One",),
    versions={"redis": "valkey 9.1.2"},
    limit=300,
    command="./run critical --seed 77",
    tested=Subject("1a2b3c4d5e (clean)", {"robot": "7.5"}, "embedded (embedded)", "box, Linux, 2 processors"),
    machine="busy: 8.1 of 12 s waiting for a processor",
)
KNOWN = {"C01.1": Requirement("C01.1", "Login <works>", "C. Critical", "critical")}


def test_the_sheet_shows_the_budget_nearest_its_limit_and_every_trouble() -> None:
    text = sheet(OUTCOME, KNOWN, Path("/r/log.html"))
    for words in (
        "critical · target embedded · commit 1a2b3c4d5e (clean) · redis valkey 9.1.2 · seed 77",
        "slow 4 of 2 s (+1)",
        "HOLE 2 requirements without a test: C05.1–C05.2",
        "not in this run: H05–H06 by pytest tests/launcher",
        "not in this run: M14 by ./run coverage",
        "1 test without a requirement: ./run list names them",
        "FAIL C01-07 One\n     <i>1</i> != 2",
        "UNKNOWN B · Two\n     no worker reported it",
        "FAIL something else",
        "NOT WELL: 1 failed, 1 problem",
        "2 tests, 0 passed, 1 failed, 1 unknown, 2 requirements without a test in 9.0 s of 300 s",
        "busy: 8.1 of 12 s waiting for a processor",
        "log: /r/log.html",
    ):
        assert words in text, text


def test_the_page_escapes_what_tests_say_and_needs_nothing_from_elsewhere() -> None:
    html = page.render(OUTCOME, KNOWN)
    assert "&lt;i&gt;1&lt;/i&gt; != 2" in html
    assert "<i>1</i>" not in html
    assert "<b>C01-07 One</b>" in html
    assert "<li>C01-07 One</li>" in html
    assert "<b>B · Two</b>" in html
    assert "Login &lt;works&gt;" in html
    assert "4 of 2 s" in html
    assert "C05.1–C05.2" in html
    assert "M14 by ./run coverage" in html
    assert "1 test without a requirement</summary><ul><li>C01-07 One</li>" in html
    assert "busy: 8.1 of 12 s waiting" in html
    assert '<h1>critical: <span class="bad">NOT WELL: 1 failed, 1 problem</span></h1>' in html
    assert "<dt>Commit</dt><dd>1a2b3c4d5e (clean)</dd><dt>Versions</dt><dd>robot 7.5, redis valkey 9.1.2</dd>" in html
    assert "src=" not in html
    assert "://" not in html


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FRAMED = """<iframe id=f style="width:390px;height:3000px;border:0" srcdoc="{page}"></iframe>
<pre id=found></pre><script>
f.onload = () => {{
  const all = [...f.contentDocument.querySelectorAll("body *")];
  const wide = all.filter((one) => one.getBoundingClientRect().right > 390.5).map((one) => one.outerHTML.slice(0, 99));
  found.textContent = JSON.stringify([f.contentWindow.innerWidth, all.length, wide]);
}};
</script>"""


@pytest.mark.req("E06")
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
def test_the_page_can_be_read_on_a_telephone(tmp_path: Path) -> None:
    path = tmp_path / "framed.html"
    path.write_text(FRAMED.format(page=escape(page.render(OUTCOME, KNOWN))), "utf-8")
    given = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        f"--user-data-dir={tmp_path}",
    ]
    command = [
        str(CHROMIUM),
        *given,
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=5000",
        "--dump-dom",
        path.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    width, elements, wide = json.loads(unescape(done.stdout.partition('<pre id="found">')[2].partition("</pre>")[0]))
    assert width == 390
    assert elements > 50
    assert wide == []


def test_the_page_says_when_it_is_partial() -> None:
    html = page.render(Outcome("c", "t", "1", 1.0, (), interrupted=True), {})
    assert "INTERRUPTED: these results are partial" in html
