from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from team_notifications import preferences
from team_notifications.web.access import sign_in_required
from team_notifications.web.forms import ScopeForm
from team_notifications.web.reader import Request


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sign_in_required
def preferences_page(request: Request, key: str = "") -> HttpResponse:
    """The choices for all teams and for each team; a POST changes those of one, named by the address."""
    forms = [ScopeForm(scope) for scope in preferences.scopes(request.user)]
    index = next((index for index, form in enumerate(forms) if form.key == key), None)
    if index is None:
        raise Http404(f"No team with the id {key!r}.")
    if request.method == "POST":
        posted = forms[index] = ScopeForm(forms[index].scope, request.POST)
        if posted.is_valid():
            return _save(request, posted)
    status = 400 if any(form.errors for form in forms) else 200
    return render(request, "team_notifications/preferences.html", {"forms": forms}, status=status)


def _save(request: Request, form: ScopeForm) -> HttpResponse:
    preferences.choose(request.user, form.scope.team, **form.cleaned_data)
    saved = gettext("Saved for %(scope)s.") % {"scope": form.name}
    messages.success(request, saved, fail_silently=True)  # a host may do without django.contrib.messages
    return redirect("team_notifications:preferences")
