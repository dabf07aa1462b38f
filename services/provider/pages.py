"""The provider's pages: plain HTML without script, so that a form can be posted by any client."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; background: #f3f4f6; color: #111827 }}
body {{ display: grid; place-items: center; min-height: 95vh }}
main {{ background: #fff; padding: 2rem; border-radius: 1rem; box-shadow: 0 1px 8px #0002; width: min(22rem, 90vw) }}
input, button {{ font: inherit; width: 100%; box-sizing: border-box; padding: .6rem; margin: .4rem 0 }}
input, button {{ border-radius: .5rem; border: 1px solid #6b7280 }}
.approve {{ background: #1d4ed8; color: #fff; border: 0 }}
[role=alert] {{ color: #b91c1c }}
</style></head>
<body><main><h1>{title}</h1>{content}</main></body></html>
"""
_FORM = """{alert}<form method="post" action="/authorize">
<input type="hidden" name="request_id" value="{request_id}">
<label for="email">E-mail</label>
<input id="email" name="email" type="email" autocomplete="username" value="{email}" required>
<button class="approve" name="decision" value="approve">Continue</button>
<button name="decision" value="deny" formnovalidate>Cancel</button>
</form>"""


def login_form(request_id: str, email: str, alert: str = "", status: int = 200) -> HTMLResponse:
    """The page that asks who signs in and whether he agrees."""
    shown = f'<p role="alert">{escape(alert)}</p>' if alert else ""
    form = _FORM.format(alert=shown, request_id=escape(request_id), email=escape(email))
    return HTMLResponse(_PAGE.format(title="Sign in", content=form), status, _HEADERS)


def signed_out() -> HTMLResponse:
    """The page for who has signed out and comes from no application."""
    return HTMLResponse(_PAGE.format(title="Signed out", content="<p>You are signed out.</p>"), 200, _HEADERS)


def refusal(detail: str) -> HTMLResponse:
    """The page for a request that must not be redirected anywhere (RFC 6749 §4.1.2.1)."""
    page = _PAGE.format(title="This sign-in cannot go on", content=f'<p role="alert">{escape(detail)}</p>')
    return HTMLResponse(page, 400, _HEADERS)
