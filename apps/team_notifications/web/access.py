from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect

from team_notifications import conf
from team_notifications.web.reader import Request

P = ParamSpec("P")
View = Callable[Concatenate[Request, P], HttpResponseBase]


def sign_in_required(view: View[P]) -> View[P]:
    """`login_required`, but where htmx asks for a part of a page, the whole page goes to sign in and comes back."""
    guarded: View[P] = login_required(view)

    @wraps(view)
    def wrapped(request: Request, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if request.htmx and not request.user.is_authenticated:
            page = request.htmx.current_url_abs_path or request.get_full_path()
            return HttpResponseClientRedirect(redirect_to_login(page).url)
        return guarded(request, *args, **kwargs)

    return wrapped


def looked_after_by(user: Any) -> set[Any]:
    """The keys of the teams whose notifications `user` looks after now. A constant number of queries."""
    permission = conf.settings().team_admin_permission
    return {team for team, held in conf.directory().permissions(user).items() if permission in held}
