"""Adding keywords to a site."""

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext

from content.models import KEYWORD_MAX_LENGTH, Keyword, Site
from content.notifications import keywords_imported

MOST = 500  # at once


def import_keywords(site: Site, lines: Iterable[str]) -> int:
    """Adds those that the site does not have yet, tells the team how many, and returns that number.

    Case and spaces do not matter, and empty lines are left out. Raises ValidationError, and adds nothing, when one is
    too long or there are too many.
    """
    texts = check(lines)
    with transaction.atomic():
        Site.objects.select_for_update().get(pk=site.pk)  # two imports at once would both count the same keyword
        known = set(site.keywords.filter(text__in=texts).values_list("text", flat=True))
        new = [Keyword(site=site, text=text) for text in texts if text not in known]
        Keyword.objects.bulk_create(new)
        if new:
            keywords_imported(site, keywords=len(new))
    return len(new)


def check(lines: Iterable[str]) -> list[str]:
    """The keywords in their stored form, each once and in order. Raises ValidationError, naming the bad one."""
    texts = list(dict.fromkeys(filter(None, (" ".join(line.casefold().split()) for line in lines))))
    if len(texts) > MOST:
        message = gettext("These are %(count)s keywords; at most %(most)s are added at once.")
        raise ValidationError(message % {"count": len(texts), "most": MOST})
    for text in texts:
        if "\x00" in text:
            raise ValidationError(gettext("%(text)r holds a character that cannot be stored.") % {"text": text})
        if len(text) > KEYWORD_MAX_LENGTH:
            message = gettext("“%(text)s…” has %(length)s characters; a keyword has at most %(most)s.")
            raise ValidationError(message % {"text": text[:40], "length": len(text), "most": KEYWORD_MAX_LENGTH})
    return texts
