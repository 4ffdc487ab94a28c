from dataclasses import dataclass

from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from team_notifications import preferences
from team_notifications.delivery.channels.email.suppression import lift, suppressed
from team_notifications.floors import held_by, sentence
from team_notifications.kind_preferences import choose_channels_of_kinds, kind_choices
from team_notifications.personal import PERSONAL
from team_notifications.preferences import Scope
from team_notifications.web.access import looked_after_by, sign_in_required
from team_notifications.web.do_not_disturb import DoNotDisturbForm
from team_notifications.web.forms import (
    Floors,
    ScopeForm,
    address,
    element_id,
    email_summary,
    inbox_summary,
    key_of,
)
from team_notifications.web.kind_form import KindForm
from team_notifications.web.reader import Request, say


@dataclass(frozen=True, kw_only=True)
class Section:
    """One scope on the page: what holds there, and where it is chosen. One of them is open, with its forms."""

    scope: Scope
    is_open: bool
    floors: Floors
    is_looked_after: bool  # by the person

    @property
    def element_id(self) -> str:
        return element_id(self.scope)

    @property
    def name(self) -> str:
        return gettext("Everywhere") if self.scope.team is None else str(self.scope.team)

    @property
    def about(self) -> str:
        """What the name alone does not say."""
        return gettext("What is addressed to you alone, and to no team.") if self.scope.team is PERSONAL else ""

    @property
    def address(self) -> str:
        return address(self.scope, "preferences")

    @property
    def do_not_disturb_address(self) -> str:
        return address(self.scope, "do-not-disturb")

    @property
    def kinds_address(self) -> str:
        return address(self.scope, "kinds")

    @property
    def inbox(self) -> str:
        return inbox_summary(self.scope, self.floors)

    @property
    def email(self) -> str:
        return email_summary(self.scope, self.floors)

    @property
    def team_settings_address(self) -> str:
        """Empty for who may not go there."""
        return address(self.scope, "team-settings") if self.is_looked_after else ""

    @property
    def notes(self) -> dict[str, str]:
        """What the floors mean for the person, by the name of a channel's switch."""
        return {
            f"{channel}_enabled": sentence(channel, level, self.name) for channel, level in sorted(self.floors.items())
        }


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sign_in_required
def preferences_page(request: Request, key: str = "") -> HttpResponse:
    """The choices everywhere, for one team or for personal ones, named by the address. A POST changes those."""
    sections, named = _sections(request, key)
    choices = ScopeForm(named.scope, request.POST if request.method == "POST" else None, named.notes)
    if choices.is_valid():
        preferences.choose(request.user, named.scope.team, **choices.cleaned_data)
        return _saved(request, named)
    return _page(request, sections, named, choices=choices)


@require_POST
@sign_in_required
def do_not_disturb(request: Request, key: str = "") -> HttpResponse:
    """Holds back what leaves for the person, in one scope or everywhere, until a time; or ends that."""
    sections, named = _sections(request, key)
    form = DoNotDisturbForm(named.scope, request.POST)
    if form.is_valid():
        preferences.do_not_disturb(request.user, named.scope.team, until=form.cleaned_data["until"])
        return _saved(request, named)
    return _page(request, sections, named, do_not_disturb=form)


@require_POST
@sign_in_required
def choose_for_kinds(request: Request, key: str = "") -> HttpResponse:
    """Stores the channels of each kind, everywhere or for one team. Personal ones have no kinds: they are not found."""
    sections, named = _sections(request, key)
    if named.scope.team is PERSONAL:
        raise Http404("Personal notifications have no kinds.")
    form = _kind_form(request, named.scope, request.POST)
    if form.is_valid():
        choose_channels_of_kinds(request.user, form.cleaned_data, named.scope.team)
        return _saved(request, named)
    return _page(request, sections, named, by_kind=form)


@require_POST
@sign_in_required
def lift_suppression(request: Request) -> HttpResponse:
    """Lets mail go to the person's address again."""
    if lift(_address(request)):
        say(request, gettext("Mail goes to %(address)s again.") % {"address": _address(request)})
    return redirect("team_notifications:preferences")


def _sections(request: Request, key: str) -> tuple[list[Section], Section]:
    """All of them, and the open one, which `key` names. Raises Http404 when there is none."""
    scopes = preferences.scopes(request.user)
    floors, looked_after = held_by(request.user), looked_after_by(request.user)
    sections = [
        Section(
            scope=scope,
            is_open=key_of(scope) == key,
            floors=floors.get(getattr(scope.team, "pk", None), {}),
            is_looked_after=getattr(scope.team, "pk", None) in looked_after,
        )
        for scope in scopes
    ]
    named = next((section for section in sections if section.is_open), None)
    if named is None:
        raise Http404(f"No team with the id {key!r}.")
    return sections, named


def _address(request: Request) -> str:
    return str(getattr(request.user, "email", "")).lower()


def _kind_form(request: Request, scope: Scope, data: QueryDict | None = None) -> KindForm:
    return KindForm(scope, kind_choices(request.user, scope.team), data)


def _page(
    request: Request,
    sections: list[Section],
    named: Section,
    *,
    choices: ScopeForm | None = None,
    do_not_disturb: DoNotDisturbForm | None = None,
    by_kind: KindForm | None = None,
) -> HttpResponse:
    """The page with the forms of the open section; one of them may be given, with what is wrong with it."""
    scope, own = named.scope, _address(request)
    given = [form for form in (choices, do_not_disturb, by_kind) if form is not None]
    if by_kind is None and scope.team is not PERSONAL:
        by_kind = _kind_form(request, scope)
    context = {
        "sections": sections,
        "choices": choices or ScopeForm(scope, notes=named.notes),
        "do_not_disturb": do_not_disturb or DoNotDisturbForm(scope),
        "by_kind": by_kind,
        "suppression": suppressed([own]).get(own),
    }
    status = 400 if any(form.errors for form in given) else 200
    return render(request, "team_notifications/preferences.html", context, status=status)


def _saved(request: Request, section: Section) -> HttpResponse:
    say(request, gettext("Saved for %(scope)s.") % {"scope": section.name})
    return redirect(section.address)
