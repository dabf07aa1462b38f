"""The keyword reference."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from robot.libdoc import LibraryDocumentation

from launcher import reference
from tests.launcher.launching import ROOT, command, launcher_environment

LIBRARY = '''
class Shop:
    """Sells. See `Buy It`."""

    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def buy_it(self, what: str, how_many: int = 1) -> None:
        """Buys ``what``; see `Buy It`.

        Tags: shop, assertion
        """
'''


def test_a_page_has_signature_text_links_and_tags(tmp_path: Path) -> None:
    (tmp_path / "Shop.py").write_text(LIBRARY)
    document = LibraryDocumentation(str(tmp_path / "Shop.py"))
    document.convert_docs_to_html()
    text = reference.page(document)
    assert "### Buy It\n\n```robotframework\nBuy It    what: str    how_many: int = 1\n```\n" in text
    assert 'Sells. See <a href="#buy-it">Buy It</a>.' in text
    assert "*Tags: assertion, shop*" in text
    assert "help(type(self))" not in text


@pytest.mark.parametrize("stale", [False, True])
def test_a_stale_page_is_found(tmp_path: Path, stale: bool) -> None:
    """On a copy, so that the real pages may be as they are."""
    copy = tmp_path / "project"
    copy.mkdir()
    for name in ("launcher", "libraries", "resources"):
        (copy / name).mkdir()
    subprocess.run(["cp", "-r", str(ROOT / "launcher"), str(copy)], check=True)
    (copy / "libraries" / "ShopLibrary").mkdir()
    (copy / "libraries" / "ShopLibrary" / "__init__.py").write_text(
        LIBRARY.replace("class Shop:", "class ShopLibrary:")
    )
    environment = launcher_environment(PYTHONPATH=f"{copy}:{copy / 'libraries'}:{ROOT / 'libraries'}")

    def docs(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command("docs", *words), cwd=copy, env=environment, capture_output=True, text=True, check=False
        )

    assert docs().returncode == 0
    if stale:
        (copy / "docs" / "keywords" / "ShopLibrary.md").write_text("old\n")
    checked = docs("--check")
    assert checked.returncode == int(stale)
    assert ("docs/keywords/ShopLibrary.md is not up to date" in checked.stderr) is stale


def test_the_pages_of_libdoc_are_written_with_an_index(tmp_path: Path) -> None:
    done = subprocess.run(
        command("docs", "--html", tmp_path / "keywords"), env=launcher_environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    index = (tmp_path / "keywords" / "index.html").read_text("utf-8")
    pages = {path.name for path in (tmp_path / "keywords").glob("*.html")} - {"index.html"}
    assert len(pages) == len(reference._sources())
    assert all(f'href="{name}"' in index for name in pages)
    assert "Open Connection" in (tmp_path / "keywords" / "WebSocketLibrary.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "keyword"),
    [
        ("sign in", "Sign In"),
        ("log out", "Log Out"),
        ("open socket", "Open Socket"),
        ("send message", "Send Message"),
        ("receive message", "Receive Chat Message"),
        ("kill service", "Kill Service"),
        ("reconnect", "Reconnect Socket"),
        ("both databases", "Both Databases Should Hold User"),
        ("duplicates", "Message Should Be Stored Once"),
        ("rate limit", "Every Endpoint Should Hold Quota"),
    ],
)
def test_a_keyword_is_found_by_its_common_words(words: str, keyword: str) -> None:
    """The words stand in one paragraph of the keyword's text, or in its name."""
    pages = (path.read_text("utf-8") for path in (ROOT / "docs" / "keywords").glob("*.md") if path.stem != "README")
    entry = next(entry for page in pages for entry in page.split("\n### ") if entry.partition("\n")[0] == keyword)
    assert all(word in entry.lower() for word in words.split())
