"""What customers type. Every refusal says what is wrong, with the number."""

import re
import unicodedata
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from orders.corrections import ACCOUNT_LIMIT
from tickets.intake import DESCRIPTION_LIMIT
from tickets.models import Evidence, Ticket
from tickets.transitions.handling import TEXT_LIMIT

REASON_LIMIT = 500
PHONE_LIMIT = 32


def plain(value: str) -> str:
    """Full-width digits and letters of an input method become plain ones; spaces go."""
    return "".join(unicodedata.normalize("NFKC", value).split())


class TidyForm(forms.Form):
    """Fields know their errors, and say so to screen readers."""

    required_css_class = "required"
    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)


class LookupForm(TidyForm):
    order_no = forms.CharField(
        label=_("Order number"),
        help_text=_("In the shop's order list, or the merchant order number of your bill"),
        max_length=64,
        error_messages={
            "required": _("Please enter the order number."),
            "max_length": _(
                "An order number has at most %(limit_value)d characters; yours has %(show_value)d."
            ),
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"}),
    )
    last4 = forms.CharField(
        label=_("Last four characters of the account, phone or e-mail"),
        help_text=_("Of the account that was topped up, or of the contact given when buying"),
        max_length=20,
        error_messages={"required": _("Please enter the last four characters.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"}),
    )

    def clean_order_no(self) -> str:
        return plain(self.cleaned_data["order_no"])

    def clean_last4(self) -> str:
        return check_last4(self.cleaned_data["last4"])


def check_last4(value: str) -> str:
    value = plain(value)
    if len(value) != 4:
        raise ValidationError(
            _("Exactly four characters, please; you entered %(count)d."),
            params={"count": len(value)},
        )
    return value


#: A Chinese mobile number: eleven digits that begin with 1.
MOBILE = re.compile(r"1[3-9]\d{9}")


class AccountForm(TidyForm):
    """The account that was meant, twice: it was mistyped once already."""

    account = forms.CharField(
        label=_("The right account"),
        max_length=ACCOUNT_LIMIT,
        error_messages={
            "required": _("Please enter the account."),
            "max_length": _(
                "At most %(limit_value)d characters are possible; yours has %(show_value)d."
            ),
        },
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"}),
    )
    again = forms.CharField(
        label=_("Once more"),
        max_length=ACCOUNT_LIMIT,
        error_messages={"required": _("Please enter the account a second time.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"}),
    )

    def __init__(self, *args: Any, typed: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: What the order has now: a mobile number is corrected to a mobile number.
        self.typed = typed

    def clean_account(self) -> str:
        account = plain(self.cleaned_data["account"])
        if MOBILE.fullmatch(self.typed) and not MOBILE.fullmatch(account):
            raise ValidationError(
                _("A mobile number has 11 digits and begins with 1; you entered %(count)d signs."),
                params={"count": len(account)},
            )
        if len(account) < 4:
            raise ValidationError(
                _("An account has at least 4 characters; you entered %(count)d."),
                params={"count": len(account)},
            )
        if account == self.typed:
            raise ValidationError(_("The order has exactly this account already."))
        return account

    def clean_again(self) -> str:
        again, first = plain(self.cleaned_data["again"]), self.cleaned_data.get("account")
        if first is not None and again != first:
            raise ValidationError(_("The two are not the same."))
        return again


class WatchForm(TidyForm):
    email = forms.EmailField(
        label=_("E-mail"),
        error_messages={
            "required": _("Please enter an e-mail address."),
            "invalid": _("This is no e-mail address: something like a@b.com."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


Category = Ticket.Category

#: The six cards: what a customer calls it, and a hint.
CARDS = {
    Category.NON_ARRIVAL: (_("Not arrived"), _("Paid, nothing received")),
    Category.WRONG_ACCOUNT: (_("Wrong account"), _("A digit was mistyped")),
    Category.DUPLICATE_CHARGE: (_("Charged twice"), _("The money left two times")),
    Category.WRONG_AMOUNT: (_("Wrong amount"), _("Less arrived than paid for")),
    Category.CARD_CODE: (_("Card code"), _("Invalid or used already")),
    Category.OTHER: (_("Something else"), _("None of these")),
}


class CategoryForm(TidyForm):
    category = forms.ChoiceField(
        label=_("What went wrong?"),
        choices=[(value, title) for value, (title, _hint) in CARDS.items()],
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Please choose one of the six cards."),
            "invalid_choice": _("Please choose one of the six cards."),
        },
    )

    def cards(self) -> list[tuple[Any, Any]]:
        hints = [hint for _title, hint in CARDS.values()]
        return list(zip(self["category"], hints, strict=True))


class DescriptionForm(TidyForm):
    description = forms.CharField(
        label=_("What happened"),
        max_length=DESCRIPTION_LIMIT,
        error_messages={
            "required": _("Please write one sentence about what happened."),
            "max_length": _(
                "At most %(limit_value)d characters are possible; yours has %(show_value)d."
            ),
        },
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class KindForm(TidyForm):
    kind = forms.ChoiceField(
        label=_("What the next file shows"), choices=Evidence.Kind.choices, required=False
    )


class ConfirmForm(DescriptionForm):
    contact_name = forms.CharField(
        label=_("Your name"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    contact_phone = forms.CharField(
        label=_("Phone"),
        required=False,
        max_length=PHONE_LIMIT,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel"}),
    )
    contact_email = forms.EmailField(
        label=_("E-mail"),
        required=False,
        error_messages={"invalid": _("This is no e-mail address: something like a@b.com.")},
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def clean_contact_phone(self) -> str:
        phone = plain(self.cleaned_data["contact_phone"])
        digits = [c for c in phone if c.isdigit()]
        if len(phone) > PHONE_LIMIT:  # one sign of an input method may have become three
            raise ValidationError(
                _("At most %(limit_value)d characters are possible; yours has %(show_value)d."),
                params={"limit_value": PHONE_LIMIT, "show_value": len(phone)},
            )
        if phone and (not 7 <= len(digits) <= 15 or set(phone) - set("0123456789+-()")):
            raise ValidationError(
                _("A phone number has 7 to 15 digits (a mobile number 11); yours has %(count)d."),
                params={"count": len(digits)},
            )
        return phone


class TextForm(TidyForm):
    """Words to staff, or the reason for a step."""

    text = forms.CharField(
        label=_("Your message"),
        max_length=TEXT_LIMIT,
        error_messages={
            "required": _("Please write a text."),
            "max_length": _(
                "At most %(limit_value)d characters are possible; yours has %(show_value)d."
            ),
        },
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ReasonForm(TextForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = forms.CharField(
            label=_("Why"),
            max_length=REASON_LIMIT,
            error_messages=self.base_fields["text"].error_messages,
            widget=forms.Textarea(attrs={"rows": 2}),
        )
        self.fields["text"] = field


class LastFourForm(TidyForm):
    """Asked once per device for what the link alone may not do."""

    last4 = forms.CharField(
        label=_("Last four characters of the account, phone or e-mail"),
        help_text=_("So that nobody who merely has this link can do it for you"),
        max_length=20,
        error_messages={"required": _("Please enter the last four characters.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"}),
    )

    def clean_last4(self) -> str:
        return check_last4(self.cleaned_data["last4"])


class WithdrawForm(ReasonForm, LastFourForm):
    """Without the last four on a device that has proven them before."""

    def __init__(self, *args: Any, verified: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if verified:
            del self.fields["last4"]


class RateForm(TidyForm):
    score = forms.TypedChoiceField(
        label=_("How did we do?"),
        choices=[(n, str(n)) for n in range(1, 6)],
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Please choose 1 to 5 stars."),
            "invalid_choice": _("Please choose 1 to 5 stars."),
        },
    )
    text = forms.CharField(
        label=_("Anything you want to add (optional)"),
        required=False,
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
