"""The bank account a customer types: every refusal says what is wrong, none repeats the number."""

import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from tickets.bank_cards import LONGEST, SHORTEST, is_card_number
from tickets.forms import LastFourForm, plain

NAME_LIMIT, BANK_LIMIT = 50, 60


class BankForm(LastFourForm):
    """Without the last four on a device that has proven them before."""

    name = forms.CharField(
        label=_("Name of the account's holder"),
        help_text=_("As the bank has it"),
        max_length=NAME_LIMIT,
        error_messages={
            "required": _("Please enter the name the account is kept under."),
            "max_length": _(
                "At most %(limit_value)d characters are possible; yours has %(show_value)d."
            ),
        },
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    bank = forms.CharField(
        label=_("Bank"),
        help_text=_("With the branch, if you know it"),
        max_length=BANK_LIMIT,
        error_messages={
            "required": _("Please enter the name of the bank."),
            "max_length": _(
                "At most %(limit_value)d characters are possible; yours has %(show_value)d."
            ),
        },
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    number = forms.CharField(
        label=_("Number of the bank card"),
        help_text=_("A debit card: the 16 to 19 digits on its front"),
        max_length=40,
        error_messages={
            "required": _("Please enter the number of the card."),
            "max_length": _("A card number has 16 to 19 digits."),
        },
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    consent = forms.BooleanField(
        label=_(
            "I agree that this account is used for sending me this refund, and for nothing else."
        ),
        error_messages={"required": _("Without your agreement we may not use the account.")},
    )
    field_order = ("name", "bank", "number", "consent", "last4")

    def __init__(self, *args: Any, verified: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if verified:
            del self.fields["last4"]

    def clean_name(self) -> str:
        name = tidy(self.cleaned_data["name"])
        if len(name) < 2 or any(character.isdigit() for character in name):
            raise ValidationError(_("A name has at least two characters and no digits."))
        return name

    def clean_bank(self) -> str:
        bank = tidy(self.cleaned_data["bank"])
        if len(bank) < 2 or bank.isdigit():
            raise ValidationError(_("Please write the bank's name, such as ICBC."))
        return bank

    def clean_number(self) -> str:
        number = plain(self.cleaned_data["number"]).replace("-", "")
        if not number.isascii() or not number.isdigit():
            raise ValidationError(_("A card number has digits only."))
        if not SHORTEST <= len(number) <= LONGEST:
            raise ValidationError(
                _("A card number has 16 to 19 digits; yours has %(count)d."),
                params={"count": len(number)},
            )
        if not is_card_number(number):
            raise ValidationError(
                _("This is no card number: a digit is wrong. Please compare it with the card.")
            )
        return number


def tidy(value: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", value).split())
