"""What a reseller enters: a list of order numbers, and one text for all that are ticked."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tickets.forms import CARDS, ConfirmForm, TidyForm, check_last4, plain
from tickets.models import Evidence, Ticket
from tickets.reseller_rows import Row
from tickets.resellers import MOST_ORDERS

NUMBER_LIMIT = 64
SEPARATORS = re.compile(r"[\s,;，；、|]+")


class ListForm(TidyForm):
    numbers = forms.CharField(
        label=gettext_lazy("Order numbers, one a line"),
        help_text=gettext_lazy("At most 200; commas and spaces part them as well"),
        max_length=MOST_ORDERS * (NUMBER_LIMIT + 4),
        error_messages={"required": gettext_lazy("Please enter at least one order number.")},
        widget=forms.Textarea(
            attrs={"rows": 8, "autocomplete": "off", "autocapitalize": "off", "spellcheck": "false"}
        ),
    )
    last4 = forms.CharField(
        label=gettext_lazy("Last four characters of your account in the shop, phone or e-mail"),
        help_text=gettext_lazy("Of the buyer's account, not of the accounts that were topped up"),
        max_length=20,
        error_messages={"required": gettext_lazy("Please enter the last four characters.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "off"}),
    )

    def clean_numbers(self) -> list[str]:
        parts = SEPARATORS.split(self.cleaned_data["numbers"])
        numbers = list(dict.fromkeys(filter(None, map(plain, parts))))
        if not numbers:
            raise ValidationError(_("Please enter at least one order number."))
        if len(numbers) > MOST_ORDERS:
            raise ValidationError(
                _("At most %(limit)d order numbers at once; yours are %(count)d."),
                params={"limit": MOST_ORDERS, "count": len(numbers)},
            )
        if too_long := next((n for n in numbers if len(n) > NUMBER_LIMIT), ""):
            raise ValidationError(
                _("“%(number)s…” is longer than an order number can be (%(limit)d characters)."),
                params={"number": too_long[:20], "limit": NUMBER_LIMIT},
            )
        return numbers

    def clean_last4(self) -> str:
        return check_last4(self.cleaned_data["last4"])


class FileForm(ConfirmForm):
    """One text and one set of files for all the orders that are ticked."""

    category = forms.ChoiceField(
        label=gettext_lazy("What went wrong?"),
        choices=[(value, title) for value, (title, _hint) in CARDS.items()],
        initial=Ticket.Category.NON_ARRIVAL,
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("What these files show"),
        choices=Evidence.Kind.choices,
        initial=Evidence.Kind.PAYMENT_SCREENSHOT,
    )
    chosen = forms.TypedMultipleChoiceField(
        coerce=int, error_messages={"required": gettext_lazy("Please tick at least one order.")}
    )
    field_order = ("category", "description", "kind")

    def __init__(self, *args: Any, rows: list[Row], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["chosen"]
        # Those with a dispute too: a list that is sent again names what it has filed.
        chosen.choices = [(row.order.pk, row.order.order_no) for row in rows if not row.why_not]
