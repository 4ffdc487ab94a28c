"""Products: who may open their pages, what is published, and who is told of a new one."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm

from products import events
from products.managers import managers
from products.models import Product
from team_notifications import inbox, sweeper
from team_notifications.models import EventLog, HandlerRun, Notification
from teams.models import Membership, Team
from teams.permissions import holders_by_grant
from tests.cast import Cast, join
from tests.web import text
from users.models import User

VALUES = {"name": "Kettle", "url": "https://kettle.example/"}

# page, a member who may open it, a member who may not
PAGES = [("", "vera", None), ("add/", "ed", "vera"), ("{pk}/", "vera", None), ("{pk}/change/", "ed", "vera")]


@pytest.fixture
def product(cast: Cast) -> Product:
    return Product.objects.create(team=cast.acme, name="Toaster", url="https://toaster.example/", created_by=cast.ed)


def path(page: str, product: Product, team: str = "acme") -> str:
    return f"/teams/{team}/products/{page.format(pk=product.pk)}"


def sign_in(client: Client, cast: Cast, name: str) -> Client:
    client.force_login(getattr(cast, name))
    return client


# ---- the pages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("page", "who", "who_not"), PAGES)
class TestTenancy:
    def test_a_member_who_may(
        self, client: Client, cast: Cast, product: Product, page: str, who: str, who_not: str | None
    ) -> None:
        assert sign_in(client, cast, who).get(path(page, product)).status_code == 200

    def test_a_member_who_may_not(
        self, client: Client, cast: Cast, product: Product, page: str, who: str, who_not: str | None
    ) -> None:
        if who_not is None:  # every role may look; a member without a role may not
            cast.vera.memberships.get().roles.clear()
        sign_in(client, cast, who_not or "vera")
        assert client.get(path(page, product)).status_code == 403
        assert client.post(path(page, product), VALUES).status_code in {403, 405}
        assert (Product.objects.get().name, EventLog.objects.count()) == ("Toaster", 0)

    @pytest.mark.parametrize("outsider", ["oscar", "grace", "sue"])
    def test_an_outsider(
        self, client: Client, cast: Cast, product: Product, page: str, who: str, who_not: str | None, outsider: str
    ) -> None:
        sign_in(client, cast, outsider)
        assert client.get(path(page, product)).status_code == 404
        assert client.post(path(page, product), VALUES).status_code in {404, 405}
        assert (Product.objects.get().name, EventLog.objects.count()) == ("Toaster", 0)

    def test_nobody_who_is_not_signed_in(
        self, client: Client, product: Product, page: str, who: str, who_not: str | None
    ) -> None:
        assert client.get(path(page, product)).headers["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("page", ["{pk}/", "{pk}/change/"])
def test_a_product_is_not_found_through_another_team(client: Client, cast: Cast, product: Product, page: str) -> None:
    sign_in(client, cast, "bob")
    assert client.get(path(page, product, team="globex")).status_code == 404


def test_the_manager_of_one_product_opens_and_changes_it_and_no_other(
    client: Client, cast: Cast, product: Product
) -> None:
    other = Product.objects.create(team=cast.acme, name="Kettle", url="https://kettle.example/")
    cast.vera.memberships.get().roles.clear()
    assign_perm("products.change_product", cast.vera, product)
    sign_in(client, cast, "vera")
    for page in ("{pk}/", "{pk}/change/"):
        assert client.get(path(page, product)).status_code == 200
        assert client.get(path(page, other)).status_code == 403
    assert client.get(path("", product)).status_code == 403
    assert f'href="{path("", product)}"' not in client.get(path("{pk}/", product)).content.decode()


def test_a_product_is_added_in_its_team_by_who_is_signed_in(client: Client, cast: Cast) -> None:
    response = sign_in(client, cast, "ed").post("/teams/acme/products/add/", VALUES)
    product = Product.objects.get()
    assert response.headers["Location"] == product.get_absolute_url()
    assert (product.team, product.name, product.url, product.created_by) == (cast.acme, *VALUES.values(), cast.ed)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"name": "Toaster"}, "Acme already has a product named &#x27;Toaster&#x27;."),
        ({"name": ""}, "This field is required."),
        ({"url": "javascript:alert(1)"}, "Enter a valid URL."),
        ({"url": "ftp://kettle.example/"}, "Enter a valid URL."),
        ({"url": "https://kettle.example/\\evil"}, "is no link"),
    ],
)
def test_a_wrong_value_is_named_and_nothing_happens(
    client: Client, cast: Cast, product: Product, changes: dict[str, str], complaint: str
) -> None:
    response = sign_in(client, cast, "ed").post("/teams/acme/products/add/", VALUES | changes)
    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert (Product.objects.get(), EventLog.objects.count()) == (product, 0)


def test_two_teams_may_use_one_name(client: Client, cast: Cast, product: Product) -> None:
    sign_in(client, cast, "grace").post("/teams/globex/products/add/", VALUES | {"name": "Toaster"})
    assert Product.objects.filter(name="Toaster").count() == 2


def test_the_list_costs_the_same_queries_for_many_products(client: Client, cast: Cast, product: Product) -> None:
    sign_in(client, cast, "vera")
    client.get(path("", product))
    costs = []
    for more in (0, 50):
        Product.objects.bulk_create(
            Product(team=cast.acme, name=f"{number}", url="https://a.example/") for number in range(more)
        )
        with CaptureQueriesContext(connection) as captured:
            client.get(path("", product))
        costs.append(len(captured))
    assert costs[0] == costs[1]


def test_the_team_and_the_landing_page_lead_to_the_products(client: Client, cast: Cast) -> None:
    sign_in(client, cast, "vera")
    for page in ("/", "/teams/acme/"):
        assert 'href="/teams/acme/products/"' in client.get(page).content.decode()


def test_an_empty_list_says_so(client: Client, cast: Cast) -> None:
    assert "No products yet" in text(sign_in(client, cast, "vera").get("/teams/acme/products/"))


# ---- what is published ----------------------------------------------------------------------------------------------


def payload(product: Product, person: User) -> dict[str, Any]:
    return {
        "product_id": product.pk,
        "name": product.name,
        "url": product.url,
        "organisation_id": product.team.pk,
        "person_id": person.pk,
    }


def test_adding_a_product_publishes_it(client: Client, cast: Cast) -> None:
    sign_in(client, cast, "ed").post("/teams/acme/products/add/", VALUES)
    event = EventLog.objects.get()
    assert (event.name, event.team) == ("product.created", cast.acme)
    assert event.payload == payload(Product.objects.get(), cast.ed)


def test_changing_a_product_publishes_what_it_is_now_and_who_changed_it(
    client: Client, cast: Cast, product: Product
) -> None:
    sign_in(client, cast, "alice").post(path("{pk}/change/", product), VALUES)
    product.refresh_from_db()
    event = EventLog.objects.get()
    assert (product.name, product.created_by) == ("Kettle", cast.ed)
    assert (event.name, event.payload) == ("product.updated", payload(product, cast.alice))


def test_what_cannot_be_published_is_not_saved_either(cast: Cast, product: Product, settings: Any) -> None:
    settings.TEAM_NOTIFICATIONS = {**settings.TEAM_NOTIFICATIONS, "EVENT_MAX_BYTES": 10}
    with pytest.raises(ValueError, match="EVENT_MAX_BYTES"):
        events.add(Product(team=cast.acme, **VALUES), cast.ed)
    product.name = "Pot"
    with pytest.raises(ValueError, match="EVENT_MAX_BYTES"):
        events.save_changes(product, cast.ed, ["name"])
    assert Product.objects.get().name == "Toaster"


def test_a_change_that_changes_nothing_publishes_nothing(client: Client, cast: Cast, product: Product) -> None:
    values = {"name": product.name, "url": product.url}
    assert sign_in(client, cast, "ed").post(path("{pk}/change/", product), values).status_code == 302
    assert not EventLog.objects.exists()


@pytest.mark.parametrize("page", ["product/", "product/add/", "product/{pk}/change/"])
def test_the_admin_serves_them(client: Client, cast: Cast, product: Product, page: str) -> None:
    sign_in(client, cast, "sue")
    assert client.get(f"/admin/products/{page.format(pk=product.pk)}").status_code == 200


def test_the_admin_publishes_as_the_pages_do(client: Client, cast: Cast) -> None:
    sign_in(client, cast, "sue")
    client.post("/admin/products/product/add/", VALUES | {"team": cast.acme.pk})
    product = Product.objects.get()
    client.post(f"/admin/products/product/{product.pk}/change/", VALUES | {"name": "Pot", "team": cast.globex.pk})
    product.refresh_from_db()
    assert (product.name, product.team, product.created_by) == ("Pot", cast.acme, cast.sue)
    assert list(EventLog.objects.order_by("pk").values_list("name", flat=True)) == [
        "product.created",
        "product.updated",
    ]


# ---- who is told ----------------------------------------------------------------------------------------------------


def add(team: Team, person: User) -> Product:
    """Somebody adds a product, and the worker comes by."""
    product = Product(team=team, **VALUES)
    events.add(product, person)
    sweeper.sweep()
    return product


def told() -> set[str]:
    """Who has it in their inbox."""
    return {user.first_name for user in User.objects.all() if inbox.visible_to(user).exists()}


def test_the_managers_of_the_organisation_are_told_and_nobody_else(cast: Cast) -> None:
    product = add(cast.acme, cast.ed)
    thread = Notification.objects.get()
    assert told() == {"Alice"}
    assert (thread.slug, thread.title, thread.message) == ("product-created", "New product: Kettle", "Ed added it.")
    assert thread.links == {"Open the product": product.get_absolute_url(), "Visit its site": product.url}
    assert (thread.team, thread.event_data) == (cast.acme, {"product_id": product.pk})
    assert HandlerRun.objects.get().state == "done"


def test_a_manager_who_added_it_is_told_as_the_other_managers_are(cast: Cast) -> None:
    add(cast.globex, cast.grace)
    assert told() == {"Bob", "Grace"}


def test_who_is_told_can_open_the_page(client: Client, cast: Cast) -> None:
    product = add(cast.acme, cast.ed)
    assert sign_in(client, cast, "alice").get(product.get_absolute_url()).status_code == 200


@pytest.mark.parametrize("grant", ["to a member", "to a group", "to a role"])
def test_the_managers_of_the_product_are_told_with_those_of_the_organisation(cast: Cast, grant: str) -> None:
    product = Product(team=cast.acme, **VALUES)
    events.add(product, cast.ed)
    if grant == "to a member":
        assign_perm("products.change_product", cast.vera, product)
    elif grant == "to a group":
        group = Group.objects.create(name="Kettle experts")
        cast.vera.groups.add(group)
        assign_perm("products.change_product", group, product)
    else:
        role = Group.objects.create(name="Kettle managers")
        cast.vera.memberships.get().roles.add(role)
        assign_perm("products.change_product", role, product)
    sweeper.sweep()
    assert told() == {"Alice", "Vera"}


def test_a_role_that_may_change_every_product_makes_nobody_the_manager_of_one(cast: Cast, product: Product) -> None:
    assert {user.first_name for user in managers(product)} == {"Alice"}  # and not Ed, an Editor


def test_a_permission_of_another_model_cannot_be_granted_on_a_product(cast: Cast, product: Product) -> None:
    assert not holders_by_grant(cast.acme, "teams.change_team", product).exists()


def test_a_grant_on_another_product_or_to_an_outsider_counts_for_nothing(cast: Cast, product: Product) -> None:
    other = Product.objects.create(team=cast.acme, name="Kettle", url="https://kettle.example/")
    assign_perm("products.change_product", cast.vera, other)
    assign_perm("products.change_product", cast.oscar, product)
    assign_perm("products.view_product", cast.vera, product)
    assert {user.first_name for user in managers(product)} == {"Alice"}


def test_who_added_it_is_told_when_there_is_no_manager(cast: Cast) -> None:
    Membership.objects.get(user=cast.alice).roles.clear()
    add(cast.acme, cast.ed)
    assert told() == {"Ed"}


def test_a_manager_who_is_no_longer_active_is_no_one(cast: Cast) -> None:
    cast.alice.is_active = False
    cast.alice.save()
    add(cast.acme, cast.ed)
    assert told() == {"Ed"}


def test_nobody_is_told_when_there_is_no_manager_and_who_added_it_is_gone(cast: Cast) -> None:
    Membership.objects.get(user=cast.alice).roles.clear()
    person = User.objects.create_user(email="temp@example.com")
    join(person, cast.acme, "Editor")
    product = Product(team=cast.acme, **VALUES)
    events.add(product, person)
    person.delete()
    sweeper.sweep()
    assert told() == set()
    assert HandlerRun.objects.get().state == "done"


def test_a_product_that_is_deleted_before_the_worker_comes_harms_nothing(cast: Cast) -> None:
    product = Product(team=cast.acme, **VALUES)
    events.add(product, cast.ed)
    product.delete()
    sweeper.sweep()
    assert HandlerRun.objects.get().state == "done"
    assert not Notification.objects.exists()


def test_a_product_that_is_only_changed_tells_nobody(cast: Cast, product: Product) -> None:
    product.name = "Kettle"
    events.save_changes(product, cast.ed, ["name"])
    sweeper.sweep()
    assert told() == set()


def test_from_the_form_to_the_inbox(client: Client, cast: Cast) -> None:
    sign_in(client, cast, "ed").post("/teams/acme/products/add/", VALUES)
    sweeper.sweep()
    assert "New product: Kettle" in text(sign_in(client, cast, "alice").get("/notifications/"))
    assert "New product: Kettle" not in text(sign_in(client, cast, "vera").get("/notifications/"))
