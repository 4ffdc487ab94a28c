"""The features of this project take what was told about an object away with it."""

import pytest
from django.db.models import Model
from model_bakery import baker

from content.models import Site
from custom_actions.models import CustomAction
from products.models import Product
from team_notifications import inbox
from team_notifications.notify import create_notification, notify_user
from tests.cast import Cast


@pytest.mark.parametrize("model", [CustomAction, Product, Site])
def test_what_was_told_about_an_object_goes_with_it(cast: Cast, model: type[Model]) -> None:
    source = baker.make(model, team=cast.acme)
    create_notification(team=cast.acme, slug="server-down", title="Down", source=source)
    assert inbox.visible_to(cast.vera).exists()
    source.delete()
    assert not inbox.visible_to(cast.vera).exists()


def test_what_was_told_to_one_person_about_an_object_goes_with_it(cast: Cast) -> None:
    site, other = (baker.make(Site, team=cast.acme) for _ in range(2))
    for source in (site, other):
        key = str(source.pk)
        notify_user(cast.vera, key, source_app="content", source_model="Site", source_id=key)
    site.delete()
    assert [row.notification.title for row in inbox.visible_to(cast.vera)] == [str(other.pk)]
    assert inbox.unread_count(cast.vera) == 1
