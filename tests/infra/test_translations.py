from tests.translations import find_problems, messages_of_template


def test_nothing_a_reader_of_chinese_meets_is_left_in_english():
    assert list(find_problems()) == []


def test_the_search_sees_every_way_a_template_says_something(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '{% load i18n %}{% translate "One" %}{% translate "Two" context "door" %}'
        "{% blocktranslate trimmed %}Three\n {{ name }}{% endblocktranslate %}"
        "{% blocktranslate count n=n %}{{ n }} day{% plural %}{{ n }} days{% endblocktranslate %}"
        '{{ _("Four")|upper }}'
    )
    found = {(m.context, m.text, m.is_plural) for m in messages_of_template(page)}
    assert found == {
        (None, "One", False),
        ("door", "Two", False),
        (None, "Three %(name)s", False),
        (None, "%(n)s day", True),
        (None, "Four", False),
    }
