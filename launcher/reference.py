"""``./run docs``: the keyword reference, made by libdoc, the table of the contract's sentences, the names beside ids of
tests, and the results of targets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from robot.errors import DataError
from robot.libdoc import LibraryDocumentation
from robot.libdocpkg.model import LibraryDoc

from launcher import areas, helping, named_tests, requirements, sentences
from launcher.commands import COMMANDS, MODULES
from launcher.console import LaunchError, complain, plural, say
from launcher.parsing import Parser
from launcher.paths import LIBRARIES, REQUIREMENTS, RESOURCES, ROOT
from launcher.proofs import Proofs
from launcher.targets import results

_PAGES = ROOT / "docs" / "keywords"
_LINK = re.compile(r'<a href="#(?P<to>[^"]*)"[^>]*>')


def main(argv: Sequence[str]) -> int:
    """Write the pages and names; with ``--check`` only say what is stale, missing or left over.

    That includes what is wrong with the requirements and with the sentences of the contract.
    """
    parser = Parser(prog="./run docs", description="Write the keyword reference, and the names beside ids of tests.")
    parser.add_argument("--check", action="store_true", help="only say what is not up to date, or wrong")
    parser.add_argument("--html", type=Path, metavar="DIR",
                        help="write libdoc's own searchable pages into DIR instead, with an index")  # fmt: skip
    asked = parser.parse_args(argv)
    if asked.html:
        return _write_html(asked.html.absolute())
    check = asked.check
    wanted = dict(_pages())
    found = {path.name: path.read_text("utf-8") for path in _PAGES.glob("*.md")} if _PAGES.is_dir() else {}
    stale = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    tables = results.stale()
    named = named_tests.stale()
    help_texts = {path: text for path, text in helping.of_parsers(MODULES) if _read(path) != text}
    contract = sentences.Table.of_project()
    if check:
        wrong = [*_wrong_requirements(), *contract.flaws(sentences.accepted())]
        beside = [path.relative_to(ROOT) for path in {**tables, **named, **help_texts, **contract.stale()}]
        for name in (*(f"docs/keywords/{page}" for page in stale), *beside):
            complain(f"{name} is not up to date: ./run docs")
        for line in wrong:
            complain(line)
        return 1 if stale or beside or wrong else 0
    for path, text in {**tables, **help_texts}.items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    named = named_tests.stale()
    for path, text in named.items():
        path.write_text(text, "utf-8")
    _PAGES.mkdir(parents=True, exist_ok=True)
    for name in stale:
        if name in wanted:
            (_PAGES / name).write_text(wanted[name], "utf-8")
        else:
            (_PAGES / name).unlink()
    for path, text in contract.stale().items():
        path.write_text(text, "utf-8")
        say(f"{path.relative_to(ROOT)} changed")
    say(f"{len(wanted)} pages in docs/keywords, {len(stale)} of them changed")
    if tables:
        say("docs/targets.md: the results of targets changed")
    say(f"names beside ids of tests: {plural(len(named), 'file')} changed")
    return 0


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.exists() else None


def _write_html(folder: Path) -> int:
    """libdoc's pages, each of which can be searched and needs nothing from elsewhere."""
    folder.mkdir(parents=True, exist_ok=True)
    links: dict[str, str] = {}
    for source in _sources():
        document = LibraryDocumentation(source)
        # Resources of two folders may have one name.
        name = f"{Path(source).parent.name}-{document.name}" if document.name in links else document.name
        document.save(str(folder / f"{name}.html"), "HTML")
        links[name] = f'<li><a href="{name}.html">{name}</a></li>'
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Lockstep: keywords</title><h1>Keywords</h1>'
    (folder / "index.html").write_text(f"{head}<ul>{''.join(links.values())}</ul></html>\n", "utf-8")
    say(f"{len(links)} pages: {folder / 'index.html'}")
    return 0


def _wrong_requirements() -> list[str]:
    """What cannot be read in docs/requirements.md, and the ids of tests that it does not have."""
    text = REQUIREMENTS.read_text("utf-8") if REQUIREMENTS.is_file() else ""
    page = requirements.parse(text, areas.areas(), (*areas.areas(), *COMMANDS))
    flaws = [f"docs/requirements.md, {flaw}" for flaw in page.flaws]
    return [*flaws, *Proofs().unknown(page.requirements)]


def _pages() -> Iterator[tuple[str, str]]:
    documents = [_document(source) for source in _sources()]
    for document in documents:
        yield f"{document.name}.md", page(document)
    yield "README.md", _index(documents)


def _sources() -> list[str]:
    libraries = [folder.name for folder in LIBRARIES.glob("*Library") if (folder / "__init__.py").exists()]
    if (LIBRARIES / "DataFactory" / "__init__.py").exists():
        libraries.append("DataFactory")
    return [*sorted(libraries), *map(str, sorted(RESOURCES.rglob("*.resource")))]


def _document(source: str) -> LibraryDoc:
    try:
        document = LibraryDocumentation(source)
    except DataError as error:
        raise LaunchError(f"{Path(source).name} has no documentation: {error}", code=1) from error
    document.convert_docs_to_html()
    return document


def page(document: LibraryDoc) -> str:
    """One library or resource: introduction, importing, keywords in their order of name."""
    lines = [f"# {document.name}", "", _plain(document.doc), ""]
    if document.inits:
        lines += ["## Importing", ""]
        for init in document.inits:
            doc = "" if "See help(type(self))" in init.doc else init.doc
            lines += [_signature("Library", document.name, map(str, init.args)), "", _plain(doc), ""]
    lines += ["## Keywords", ""]
    for keyword in document.keywords:
        lines += [f"### {keyword.name}", "", _signature(keyword.name, "", map(str, keyword.args)), ""]
        lines += [_plain(keyword.doc), ""]
        if keyword.tags:
            lines += [f"*Tags: {', '.join(keyword.tags)}*", ""]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n"


def _signature(name: str, first: str, arguments: Iterator[str]) -> str:
    cells = [name, *([first] if first else []), *(argument.replace("`", "'") for argument in arguments)]
    return "```robotframework\n" + "\n...    ".join(_rows(cells)) + "\n```"


def _rows(cells: Sequence[str]) -> list[str]:
    """Cells in rows of at most 100 characters, as a suite would continue a line."""
    rows = [cells[0]]
    for cell in cells[1:]:
        if len(rows[-1]) + len(cell) > 100:
            rows.append(cell)
        else:
            rows[-1] += f"    {cell}"
    return rows


def _plain(html: str) -> str:
    """libdoc's HTML with its links pointing to the headings of these pages."""
    return _LINK.sub(lambda link: f'<a href="#{_anchor(link["to"])}">', html).strip()


def _anchor(name: str) -> str:
    """The anchor that a Markdown heading gets."""
    return re.sub(r"[^\w -]", "", unquote(name)).strip().lower().replace(" ", "-")


def _index(documents: Sequence[LibraryDoc]) -> str:
    lines = ["# Keyword reference", "", "Generated by `./run docs` from the libraries and resources themselves.", ""]
    for kind, title in (("LIBRARY", "Libraries"), ("RESOURCE", "Resources")):
        lines += [f"## {title}", ""]
        for document in (document for document in documents if document.type == kind):
            names = ", ".join(keyword.name for keyword in document.keywords)
            lines += [f"**[{document.name}]({document.name}.md)** ({len(document.keywords)}): {names}", ""]
    return "\n".join(lines).rstrip() + "\n"
