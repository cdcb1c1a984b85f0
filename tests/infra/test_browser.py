"""The browser itself works here: it reaches the desk, and Chinese is drawn and not boxed."""

import pytest


@pytest.mark.django_db(transaction=True)
def test_the_sign_in_page_opens_without_a_single_complaint(live_server, page):
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live_server.url}/admin/login/")
    assert page.locator("input[name=username]").is_visible()
    assert complaints == []


def test_chinese_is_drawn_and_not_boxed(page):
    """Two characters of different shape must not have the same picture, as boxes would."""
    page.set_content("<span id=a>申</span><br><span id=b>诉</span>")
    assert page.locator("#a").screenshot() != page.locator("#b").screenshot()
