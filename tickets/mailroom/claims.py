"""Order numbers and last four characters that somebody writes in a mail. Text in, text out."""

import re
from collections.abc import Iterator

from tickets.mailroom.marks import LAST_FOUR
from tickets.models import NUMBER_ALPHABET

TICKET_NUMBER = re.compile(rf"(?<![0-9A-Za-z])D[0-9]{{6}}[{NUMBER_ALPHABET}]{{6}}(?![0-9A-Za-z])")
#: Shorter ones exist, but nearly every word is one then.
ORDER_TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z][0-9A-Za-z._:-]{4,63}(?![0-9A-Za-z])")
MAX_TOKENS = 200
#: A mail may not try more than a person would.
MAX_LAST_FOURS = 3

FOUR = re.compile(r"(?<![0-9A-Za-z])[0-9A-Za-z]{4}(?![0-9A-Za-z])")
#: Not a year in a date, nor a time.
LONE_DIGITS = re.compile(r"(?<![0-9A-Za-z./:-])[0-9]{4}(?![0-9A-Za-z/:年-]|\.[0-9])")
LONG_DIGITS = re.compile(r"(?<![0-9A-Za-z])[0-9]{6,20}(?![0-9A-Za-z])")
#: How far behind "last four" the characters may stand.
REACH = 40


def find_ticket_numbers(text: str) -> list[str]:
    return list(dict.fromkeys(TICKET_NUMBER.findall(text.upper())))


def find_order_tokens(text: str) -> list[str]:
    """This function will list what could be an order number, in the order of the text."""
    tokens: dict[str, None] = {}
    for found in ORDER_TOKEN.findall(text):
        whole = found.rstrip("._:-")
        for token in (whole, *re.split("[:]", whole)):
            if len(token) >= 5:
                tokens[token] = None
        if len(tokens) >= MAX_TOKENS:
            break
    return list(tokens)


def find_last_fours(text: str, *, order_no: str) -> list[str]:
    """This function will list the few that are most likely meant as the last four characters.

    First what is called so, then four digits by themselves, then the end of a long number, such
    as the telephone number that was topped up.
    """
    rest = text.replace(order_no, " ")
    found = dict.fromkeys([*labelled(rest), *LONE_DIGITS.findall(rest)])
    found |= dict.fromkeys(number[-4:] for number in LONG_DIGITS.findall(rest))
    return list(found)[:MAX_LAST_FOURS]


def labelled(text: str) -> Iterator[str]:
    for label in LAST_FOUR.finditer(text):
        near = FOUR.findall(text[label.end() : label.end() + REACH])
        # "last four of the account with 12ab": what holds a digit is meant before what is a word.
        near.sort(key=lambda four: not any(c.isdigit() for c in four))
        yield from near[:1]
