"""Numbers of bank cards: what a right one looks like, and what of one may be shown."""

#: ISO/IEC 7812 allows 8 to 19 digits; debit cards of Chinese banks have 16 to 19.
SHORTEST, LONGEST = 16, 19


def is_card_number(digits: str) -> bool:
    """This function will check the length and the check digit (Luhn), which every single wrong
    digit and nearly every swapped pair spoils."""
    if not (digits.isascii() and digits.isdigit() and SHORTEST <= len(digits) <= LONGEST):
        return False
    return luhn_sum(digits) % 10 == 0


def luhn_sum(digits: str) -> int:
    total = 0
    for place, character in enumerate(reversed(digits)):
        value = int(character) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total


def mask_card(digits: str) -> str:
    """This function will keep the last four digits: enough to recognise one's own card."""
    return f"**** {digits[-4:]}"
