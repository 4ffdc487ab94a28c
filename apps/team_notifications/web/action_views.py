"""What a person does to threads of the inbox. Views parse; `team_notifications.inbox` acts."""

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST

from team_notifications import inbox, kinds, undo
from team_notifications.kind_preferences import choose_channels_of_kinds
from team_notifications.web import answers
from team_notifications.web.access import sign_in_required
from team_notifications.web.days import until
from team_notifications.web.reader import Request
from team_notifications.web.until import MUTES, SNOOZES, Quick, UntilForm


@require_POST
@sign_in_required
def archive(request: Request) -> HttpResponse:
    """Puts the posted threads away, unless they happened again since the person saw them."""
    seen, at = answers.posted(request), timezone.now()
    changed = inbox.archive(answers.named(request, seen), seen, at=at)
    status = ngettext("%d thread archived.", "%d threads archived.", changed) % changed
    token = undo.token(request.user, undo.ARCHIVE, list(seen), at=at) if changed else ""
    return answers.moved(request, status + _left_alone(len(seen), changed), token)


@require_POST
@sign_in_required
def unarchive(request: Request) -> HttpResponse:
    changed = inbox.unarchive(answers.named(request, answers.posted(request)))
    status = ngettext("%d thread is back in the inbox.", "%d threads are back in the inbox.", changed) % changed
    return answers.moved(request, status)


@require_POST
@sign_in_required
def snooze(request: Request) -> HttpResponse:
    """Hides the posted threads until the posted time."""
    rows = answers.named(request, answers.posted(request))
    form = _until(request, SNOOZES)
    if not form.is_valid():
        return _refused(request, form)
    changed = inbox.snooze(rows, form.cleaned_data["until"])
    status = ngettext("%(count)d thread snoozed %(until)s.", "%(count)d threads snoozed %(until)s.", changed)
    return answers.moved(request, status % {"count": changed, "until": until(form.cleaned_data["until"])})


@require_POST
@sign_in_required
def mute(request: Request) -> HttpResponse:
    """Lets the posted threads happen without a word until the posted time."""
    seen = answers.posted(request)
    rows = answers.named(request, seen)
    form = _until(request, MUTES)
    if not form.is_valid():
        return _refused(request, form)
    changed = inbox.mute(rows, form.cleaned_data["until"])
    status = ngettext("%(count)d thread muted %(until)s.", "%(count)d threads muted %(until)s.", changed)
    status %= {"count": changed, "until": until(form.cleaned_data["until"])}
    return answers.in_place(request, seen, status)


@require_POST
@sign_in_required
def unmute(request: Request) -> HttpResponse:
    seen = answers.posted(request)
    changed = inbox.unmute(answers.named(request, seen))
    return answers.in_place(request, seen, ngettext("%d thread unmuted.", "%d threads unmuted.", changed) % changed)


@require_POST
@sign_in_required
def mute_kind(request: Request) -> HttpResponse:
    """Nothing more of the kinds of the posted threads, in their teams. Those without a kind are left alone."""
    seen = answers.posted(request)
    rows = answers.named(request, seen).filter(team__isnull=False).select_related("team", "notification")
    chosen = {(row.notification.slug, row.team) for row in rows if kinds.find(row.notification.slug)}
    for team in {team for _slug, team in chosen}:
        slugs = sorted(slug for slug, of_team in chosen if of_team == team)
        choose_channels_of_kinds(request.user, dict.fromkeys(slugs, ()), team)
    status = ngettext("%d kind muted in its team.", "%d kinds muted in their teams.", len(chosen)) % len(chosen)
    return answers.in_place(
        request, seen, f"{status} {gettext('The preferences bring it back.')}" if chosen else status
    )


@require_POST
@sign_in_required
def delete(request: Request) -> HttpResponse:
    """Removes the person's own copies of the posted threads, unless they happened again since the person saw them."""
    seen, at = answers.posted(request), timezone.now()
    taken = inbox.take_out(answers.named(request, seen), seen)
    status = ngettext("%d thread deleted.", "%d threads deleted.", len(taken)) % len(taken)
    token = undo.token_of_deleted(request.user, taken, at=at) if taken else ""
    return answers.moved(request, status + _left_alone(len(seen), len(taken)), token)


@require_POST
@sign_in_required
def take_back(request: Request) -> HttpResponse:
    """Undoes what the posted token says."""
    try:
        changed = undo.undo(request.user, request.POST.get("token", ""))
    except undo.NotYours as error:
        raise PermissionDenied(str(error)) from None
    except undo.InvalidToken as error:
        raise BadRequest(f"This cannot be undone, or not any more: {error}.") from None
    status = ngettext("%d thread is as it was.", "%d threads are as they were.", changed) % changed
    return answers.moved(request, status if changed else gettext("There is nothing left to undo."))


def _until(request: Request, quick: Quick) -> UntilForm:
    """Raises BadRequest for a choice that no button sends."""
    form = UntilForm(quick, request.POST)
    if "for" in form.errors:
        raise BadRequest(f"{request.POST['for']!r} is no choice; there are {', '.join(quick)}.")
    return form


def _refused(request: Request, form: UntilForm) -> HttpResponse:
    return answers.moved(request, " ".join(str(error) for error in form.errors["until"]))


def _left_alone(posted: int, changed: int) -> str:
    """Why fewer changed than were posted."""
    left = posted - changed
    if not left or (not changed and not posted):
        return ""
    text = ngettext("%d was left alone, because it changed.", "%d were left alone, because they changed.", left)
    return f" {text % left}"
