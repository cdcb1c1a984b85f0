"""One line of the checklist of an operator's first hour."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    code: str
    title: str
    is_done: bool
    #: What is known, and while it is open what to do next.
    fact: str
    next_step: str = ""
