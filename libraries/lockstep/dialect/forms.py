"""The forms of a page (HTML), as a user fills them in: hidden fields are kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """One form: where and how it is sent, and its fields with what stands in them."""

    action: str = ""
    method: str = "get"
    fields: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "input" and given.get("name"):
            self._input(self._open, given)
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select and ("selected" in given or self._select not in self._open.fields):
            self._open.fields[self._select] = given.get("value", "")
        elif tag == "textarea":
            self._textarea = given.get("name", "")
            if self._textarea:
                self._open.fields[self._textarea] = ""

    def _input(self, form: Form, given: dict[str, str]) -> None:
        kind, name = given.get("type", "text").lower(), given["name"]
        if kind in ("submit", "button", "image", "reset", "file"):
            return
        if kind in ("checkbox", "radio") and "checked" not in given:
            return
        form.fields[name] = given.get("value", "on" if kind == "checkbox" else "")
        form.types[name] = kind

    def handle_data(self, data: str) -> None:
        if self._textarea and self._open is not None:
            self._open.fields[self._textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""


def forms(page: str) -> list[Form]:
    """The forms of a page in their order."""
    parser = _Forms()
    parser.feed(page)
    return parser.forms


def fitting(page: str, names: set[str]) -> Form | None:
    """The first form that has all of these fields, else the first one that has any."""
    found = forms(page)
    whole = [form for form in found if names <= form.fields.keys()]
    part = [form for form in found if names & form.fields.keys()]
    return next(iter(whole or part), None)


def field_value(page: str, name: str) -> str | None:
    """What stands in the first field of this name; None where there is none."""
    return next((form.fields[name] for form in forms(page) if name in form.fields), None)
