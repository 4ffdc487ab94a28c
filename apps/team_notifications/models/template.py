from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from team_notifications import kinds, placeholders
from team_notifications.identifiers import SLUG_MAX_LENGTH
from team_notifications.texts import TITLE_MAX_LENGTH, clean_title


class NotificationTemplate(models.Model):
    """What is said of a kind through a channel, instead of the kind's own texts.

    Only operators write it, in the admin; `team_notifications.failures` counts what went wrong with it.
    """

    class Channel(models.TextChoices):
        IN_APP = "in_app", _("Inbox")
        EMAIL = "email", _("Email")

    slug = models.CharField(_("kind"), max_length=SLUG_MAX_LENGTH)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    title = models.CharField(_("title"), max_length=TITLE_MAX_LENGTH)
    body = models.TextField(_("body"), blank=True, max_length=10_000, help_text=_("Empty: the title says it all."))
    permitted_params = models.JSONField(
        _("permitted params"), default=list, blank=True, editable=False, help_text=_("Those of the kind.")
    )
    failures = models.PositiveIntegerField(
        _("failures"),
        default=0,
        editable=False,
        help_text=_("How often the kind's own text was told instead."),
    )
    last_error = models.TextField(_("last error"), blank=True, editable=False)
    last_failed_at = models.DateTimeField(_("failed last"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("template")
        constraints = [
            models.UniqueConstraint(fields=["slug", "channel"], name="team_notifications_template_key"),
        ]

    def __str__(self) -> str:
        return f"{self.slug}, {self.get_channel_display()}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Takes the permitted params from the kind."""
        if kind := kinds.find(self.slug):
            self.permitted_params = list(kind.params)
        super().save(*args, **kwargs)

    def clean(self) -> None:
        """Raises ValidationError, naming the bad placeholder, unless the texts can be filled with the kind's params."""
        kind = kinds.find(self.slug)
        if kind is None:
            raise ValidationError({"slug": gettext("There is no kind “%(slug)s”.") % {"slug": self.slug}})
        errors: dict[str, str] = {}
        for field in ("title", "body"):
            text = getattr(self, field)
            try:
                placeholders.check(text, kind.params)
                if field == "title" and text:
                    clean_title(text)
            except ValueError as error:
                errors[field] = str(error)
        if errors:
            raise ValidationError(errors)
