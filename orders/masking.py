"""What of a personal value may be shown: enough to recognise one's own, too little to use."""

STARS = "****"


def mask_account(value: str) -> str:
    """This function will mask a phone number (first 3, last 4), an e-mail address (first letter
    and domain), or any other account (first 2, last 2; shorter than 6: the first)."""
    if not value:
        return ""
    if "@" in value:
        return mask_email(value)
    if len(value) == 11 and value.isdigit():
        return f"{value[:3]}{STARS}{value[-4:]}"
    if len(value) < 6:
        return f"{value[:1]}{STARS}"
    return f"{value[:2]}{STARS}{value[-2:]}"


def mask_phone(value: str) -> str:
    """This function will mask a phone number, with or without a country code or separators."""
    digits = "".join(character for character in value if character.isdigit())
    if len(digits) > 11 and digits.startswith("86"):
        digits = digits[2:]
    return mask_account(digits)


def mask_name(value: str) -> str:
    """This function will keep the family name: the first character."""
    return f"{value[:1]}*" if value else ""


def mask_email(value: str) -> str:
    """This function will keep the first letter and the domain."""
    local, at, domain = value.rpartition("@")
    if not at:
        return f"{value[:1]}{STARS}" if value else ""
    return f"{local[:1]}{STARS}@{domain}"
