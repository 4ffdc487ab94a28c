from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import models
from django.urls import reverse

from team_notifications.links import check_url
from teams.models import Team

WEB_ADDRESS = URLValidator(schemes=["http", "https"])


def validate_web_address(value: str) -> None:
    """Raises ValidationError unless `value` is a web address that a notification can link to."""
    WEB_ADDRESS(value)
    try:
        check_url(value)
    except ValueError as error:
        raise ValidationError(str(error)) from None


class Product(models.Model):
    """Something that an organisation, which is a team here, offers."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="products", db_index=False)
    name = models.CharField(max_length=100)
    url = models.CharField("URL", max_length=2_000, validators=[validate_web_address])
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="products_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("product", args=[self.team.slug, self.pk])
