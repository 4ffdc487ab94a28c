"""Stopping a team's mail by the link in it. Whoever has the link is taken for its reader, signed in or not."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from team_notifications.delivery.channels.email import unsubscribe

TEMPLATE = "team_notifications/unsubscribe.html"


@require_http_methods(["GET", "HEAD", "POST"])
@csrf_exempt  # mail programs post it, without cookies (RFC 8058 §3.2); the signed token is what a CSRF token would be
@never_cache
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """A GET asks, because scanners and previews follow links. A POST stops the mail, however often it comes."""
    try:
        subscription = unsubscribe.read(token)
    except unsubscribe.InvalidToken:
        return render(request, TEMPLATE, status=404)
    is_stopped = request.method == "POST"
    if is_stopped:
        subscription.stop()
    return render(request, TEMPLATE, {"subscription": subscription, "is_stopped": is_stopped})
