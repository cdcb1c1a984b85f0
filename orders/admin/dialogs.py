"""Whatever changes something in the admin is a dialog: GET shows the form, POST carries it out.

The skin's own actions without a dialog are plain links, which would change things on a GET.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from orders.refusals import Refused

TEMPLATE = "unfold/helpers/dialog.html"

#: Carries a dialog out; what it returns is said to the person, or answered as it is.
CarryOut = Callable[[Any, HttpRequest, "DialogForm", int], "str | HttpResponse"]


class DialogForm(BaseDialogForm):
    """A dialog's fields. ``object_id`` is what it is about, as it stands in the address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # HTML's own marks: a screen reader says them, and no field is asked for by the browser.
        for field in self.fields.values():
            if field.required and not isinstance(field.widget, forms.HiddenInput):
                field.widget.attrs.setdefault("aria-required", "true")

    @property
    def pk(self) -> int:
        try:
            return int(str(self.object_id))
        except ValueError:
            raise Http404 from None


def text_field(label: Any, *, limit: int, help_text: Any = "", required: bool = True) -> Any:
    """This function will make the field of a text of several lines."""
    return forms.CharField(
        label=label,
        max_length=limit,
        required=required,
        help_text=help_text,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )


def line_field(label: Any, *, limit: int, help_text: Any = "", required: bool = True) -> Any:
    return forms.CharField(
        label=label,
        max_length=limit,
        required=required,
        help_text=help_text,
        widget=UnfoldAdminTextInputWidget(),
    )


def dialog_action(
    *,
    name: Any,
    title: Any,
    submit: Any,
    url_path: str,
    permission: str,
    form_class: type[DialogForm] = DialogForm,
    description: Any = "",
    icon: str = "",
    variant: ActionVariant = ActionVariant.DEFAULT,
) -> Callable[[CarryOut], Any]:
    """This function will make a dialog of a method ``(self, request, form, pk)``.

    A refusal of the domain is shown in the dialog with the status it has as an answer of the API.
    """
    dialog = {
        "title": title,
        "description": description,
        "form_class": form_class,
        "form_submit_text": submit,
    }

    def decorate(carry_out: CarryOut) -> Any:
        @action(
            description=name,
            url_path=url_path,
            permissions=[permission],
            icon=icon or None,
            variant=variant,
            dialog=dialog,
        )
        @wraps(carry_out)
        def run(
            model_admin: Any, request: HttpRequest, form: DialogForm, object_id: str
        ) -> HttpResponse:
            try:
                answer = carry_out(model_admin, request, form, form.pk)
            except Refused as refused:
                form.add_error(
                    refused.field if refused.field in form.fields else None, str(refused)
                )
                context = {"dialog": dialog, "form": form, "form_submit_text": submit}
                return render(request, TEMPLATE, context, status=refused.http_status)
            except ObjectDoesNotExist:
                raise Http404 from None
            if isinstance(answer, HttpResponse):
                return answer
            messages.success(request, answer)
            return come_back(request, form)

        return run

    return decorate


def person_at(request: HttpRequest) -> User:
    """This function will return who is signed in: the admin lets nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def come_back(request: HttpRequest, form: DialogForm) -> HttpResponse:
    """This function will lead back to the page on which the dialog was opened."""
    here = urlsplit(request.headers.get("HX-Current-URL", ""))
    address = f"{here.path}?{here.query}" if here.query else here.path
    # The path alone of what the browser says: it can lead to no other site.
    if not address.startswith("/admin/"):
        address = request.path.rsplit(f"/{form.pk}/", 1)[0] + f"/{form.pk}/change/"
    if request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": address})
    return redirect(address)
