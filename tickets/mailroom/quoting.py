"""What a mail says that is new, without the earlier mails under it. Text in, text out."""

from tickets.mailroom.marks import (
    ADVERTISEMENT,
    ATTRIBUTION,
    ATTRIBUTION_BEGINS,
    HEAD_LINE,
    ORIGINAL,
)
from tickets.mailroom.pages import squeeze


def strip_quotes(text: str) -> str:
    """This function will leave the sender's own words.

    Answers above, below and between quoted lines are all kept. Where nothing would be left, the
    whole text is given back: better too much than a customer unheard.
    """
    lines = text.split("\n")
    kept: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        if ORIGINAL.match(line) or begins_head(lines, index):
            break
        if length := attribution_at(lines, index):
            if not is_quoted(next_words(lines, index + length)):
                break
            index += length
            continue
        if not is_quoted(line):
            kept.append(line)
        index += 1
    return squeeze("\n".join(without_signature(kept))) or squeeze(text)


def is_quoted(line: str) -> bool:
    return line.lstrip().startswith(">")


def next_words(lines: list[str], index: int) -> str:
    return next((line for line in lines[index:] if line.strip()), "")


def attribution_at(lines: list[str], index: int) -> int:
    """This function will say how many lines "On ..., somebody wrote:" takes here: 0, 1 or 2.

    Only where something follows: words that end so may be the customer's own.
    """
    for length in (1, 2):
        joined = " ".join(lines[index : index + length])
        if not next_words(lines, index + length) or not ATTRIBUTION.match(joined):
            continue
        if ATTRIBUTION_BEGINS.search(lines[index]):
            return length
    return 0


def begins_head(lines: list[str], index: int) -> bool:
    """This function will notice the head of an earlier mail: two such lines, one after another."""
    if not HEAD_LINE.match(lines[index]):
        return False
    return bool(HEAD_LINE.match(next_words(lines, index + 1)))


def without_signature(lines: list[str]) -> list[str]:
    """This function will cut a signature off the end, of ten lines at most, and what programs
    say of themselves."""
    for index in range(len(lines) - 1, max(len(lines) - 11, -1), -1):
        if lines[index].rstrip() == "--":
            lines = lines[:index]
    return [line for line in lines if not ADVERTISEMENT.match(line.strip())]
