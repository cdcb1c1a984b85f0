"""Mail that is a web page to the text in it; what is quoted there stays marked as quoted."""

import re
from html import unescape
from html.parser import HTMLParser

#: A page longer than this holds no customer's words in its rest.
LONGEST = 2_000_000
SKIPPED = {"script", "style", "head", "title", "template", "svg", "noscript"}
BLOCKS = {
    *("address", "article", "div", "dl", "dt", "dd", "fieldset", "footer", "form", "header"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "main", "ol", "p", "pre", "section"),
    *("table", "tr", "ul", "blockquote"),
}
QUOTING_CLASSES = ("gmail_quote", "yahoo_quoted", "protonmail_quote")


class Reader(HTMLParser):
    """Collects lines; ``depth`` counts the quotations that are open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[tuple[bool, list[str]]] = [(False, [])]
        self.skipping = 0
        #: For each open div or blockquote: does it quote?
        self.quoting: list[tuple[str, bool]] = []

    @property
    def is_quoting(self) -> bool:
        return any(quotes for _tag, quotes in self.quoting)

    def break_line(self) -> None:
        self.lines.append((self.is_quoting, []))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SKIPPED:
            self.skipping += 1
        elif tag in ("div", "blockquote"):
            classes = dict(attrs).get("class") or ""
            quotes = tag == "blockquote" or any(name in classes for name in QUOTING_CLASSES)
            self.quoting.append((tag, quotes))
        if tag == "br" or tag in BLOCKS:
            self.break_line()
        elif tag in ("td", "th"):
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in SKIPPED:
            self.skipping = max(self.skipping - 1, 0)
        elif tag in ("div", "blockquote"):
            for index in range(len(self.quoting) - 1, -1, -1):
                if self.quoting[index][0] == tag:
                    del self.quoting[index:]
                    break
        if tag in BLOCKS:
            self.break_line()

    def handle_data(self, data: str) -> None:
        if not self.skipping:
            self.lines[-1][1].append(data)


def to_text(page: str) -> str:
    """This function will give a page's words, a line for each block, quoted ones after ``> ``."""
    reader = Reader()
    try:
        reader.feed(page[:LONGEST])
        reader.close()
    except (AssertionError, ValueError):
        # The standard library's parser gives up on some marked sections: words without order then.
        return squeeze(unescape(re.sub(r"<[^>]*>", " ", page[:LONGEST])))
    lines = []
    for quoted, words in reader.lines:
        line = re.sub(r"[ \t\n\xa0]+", " ", "".join(words)).strip()
        lines.append(f"> {line}" if quoted and line else line)
    return squeeze("\n".join(lines))


def squeeze(text: str) -> str:
    """This function will leave one empty line where there are many."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t\xa0]+\n", "\n", text)).strip()
