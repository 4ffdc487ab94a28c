"""The features of this project take what was told about an object away with it."""

import pytest
from django.db.models import Model
from model_bakery import baker

from content.models import Site
from custom_actions.models import CustomAction
from products.models import Product
from team_notifications import inbox
from team_notifications.notify import create_notification
from tests.cast import Cast


@pytest.mark.parametrize("model", [CustomAction, Product, Site])
def test_what_was_told_about_an_object_goes_with_it(cast: Cast, model: type[Model]) -> None:
    source = baker.make(model, team=cast.acme)
    create_notification(team=cast.acme, slug="server-down", title="Down", source=source)
    assert inbox.visible_to(cast.vera).exists()
    source.delete()
    assert not inbox.visible_to(cast.vera).exists()
