"""The page of a team's content: who may open it, and what its buttons do."""

import re
from typing import Any

import pytest
from django.contrib.admin import site as admin_site
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from content.admin import CreditAccountAdmin
from content.credits import spend
from content.models import Article, Cluster, CreditAccount, Idea, Image, Keyword, Site, State
from team_notifications.models import Notification
from tests.cast import Cast
from tests.endpoint_server import Server
from tests.web import text

# page, method, a member who may, a member who may not
VERBS = [
    ("", "get", "vera", None),
    ("{pk}/keywords/", "get", "ed", "vera"),
    ("{pk}/keywords/", "post", "ed", "vera"),
    ("{pk}/step/", "post", "ed", "vera"),
]
KEYWORDS = {"keywords": "Garden  chairs\n\ngarden table\ngarden chairs\n"}


@pytest.fixture
def site(cast: Cast) -> Site:
    CreditAccount.objects.create(team=cast.acme, used=7)
    return Site.objects.create(team=cast.acme, name="Blog", url="https://blog.example/")


def path(page: str, site: Site, team: str = "acme") -> str:
    return f"/teams/{team}/content/{page.format(pk=site.pk)}"


def sign_in(client: Client, cast: Cast, name: str) -> Client:
    client.force_login(getattr(cast, name))
    return client


def written_article(site: Site, **values: Any) -> Article:
    cluster = Cluster.objects.create(site=site, name=f"cluster {Cluster.objects.count()}")
    Keyword.objects.create(site=site, text=cluster.name, cluster=cluster)
    idea = Idea.objects.create(cluster=cluster, title=f"A guide to {cluster}")
    article = Article.objects.create(site=site, idea=idea, title=idea.title, words=312, **values)
    Image.objects.create(article=article, position=0, prompt="A chair", svg="<svg/>")
    Image.objects.create(article=article, position=1, prompt="Another")
    return article


@pytest.mark.parametrize(("page", "method", "who", "who_not"), VERBS)
class TestTenancy:
    def test_a_member_who_may(
        self, client: Client, cast: Cast, site: Site, page: str, method: str, who: str, who_not: str | None
    ) -> None:
        response = getattr(sign_in(client, cast, who), method)(path(page, site), KEYWORDS)
        assert response.status_code == (200 if method == "get" else 302)

    def test_a_member_who_may_not(
        self, client: Client, cast: Cast, site: Site, page: str, method: str, who: str, who_not: str | None
    ) -> None:
        if who_not is None:  # every role may look; a member without a role may not
            cast.vera.memberships.get().roles.clear()
        response = getattr(sign_in(client, cast, who_not or "vera"), method)(path(page, site), KEYWORDS)
        assert response.status_code == 403
        assert not Keyword.objects.exists()
        assert not Notification.objects.exists()

    @pytest.mark.parametrize("outsider", ["oscar", "grace", "sue"])
    def test_an_outsider(
        self, client: Client, cast: Cast, site: Site, page: str, method: str, who: str, who_not: str, outsider: str
    ) -> None:
        response = getattr(sign_in(client, cast, outsider), method)(path(page, site), KEYWORDS)
        assert response.status_code == 404
        assert not Keyword.objects.exists()
        assert not Notification.objects.exists()

    def test_nobody_who_is_not_signed_in(
        self, client: Client, site: Site, page: str, method: str, who: str, who_not: str | None
    ) -> None:
        assert getattr(client, method)(path(page, site)).headers["Location"].startswith("/sign-in/")


@pytest.mark.parametrize(("page", "method"), [row[:2] for row in VERBS[1:]])
def test_a_site_is_not_found_through_another_team(
    client: Client, cast: Cast, site: Site, page: str, method: str
) -> None:
    sign_in(client, cast, "bob")
    assert getattr(client, method)(path(page, site, team="globex"), KEYWORDS).status_code == 404


@pytest.mark.parametrize("codename", ["view_site", "view_keyword", "view_cluster", "view_article"])
def test_who_may_not_see_a_part_of_it_does_not_see_the_page(
    client: Client, cast: Cast, site: Site, codename: str
) -> None:
    Group.objects.get(name="Viewer").permissions.remove(Permission.objects.get(codename=codename))
    assert sign_in(client, cast, "vera").get(path("", site)).status_code == 403


def test_a_step_is_not_taken_by_looking(client: Client, cast: Cast, site: Site) -> None:
    assert sign_in(client, cast, "ed").get(path("{pk}/step/", site)).status_code == 405


# ---- what it shows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("who", "sees"), [("vera", False), ("ed", False), ("alice", True)])
def test_credits_are_shown_to_those_who_may_change_the_team(
    client: Client, cast: Cast, site: Site, who: str, sees: bool
) -> None:
    shown = text(sign_in(client, cast, who).get(path("", site)))
    assert ("7 of 50 credits are used; 43 are left." in shown) is sees


@pytest.mark.parametrize(("who", "offered"), [("vera", False), ("ed", True)])
def test_the_page_offers_what_the_member_may_do(
    client: Client, cast: Cast, site: Site, who: str, offered: bool
) -> None:
    html = sign_in(client, cast, who).get(path("", site)).content.decode()
    assert (path("{pk}/keywords/", site) in html) is (path("{pk}/step/", site) in html) is offered


def test_it_shows_what_is_there(client: Client, cast: Cast, site: Site) -> None:
    written_article(site, state=State.FAILED, error="Answered <503>.")
    Keyword.objects.create(site=site, text="chairs")
    shown = text(sign_in(client, cast, "vera").get(path("", site)))
    assert "2, 1 of them without a cluster" in shown
    assert "cluster 0 1 1" in shown
    assert "A guide to cluster 0 Not published 312 1 Answered <503>." in shown


def test_it_shows_the_sites_of_its_team_alone(client: Client, cast: Cast, site: Site) -> None:
    written_article(Site.objects.create(team=cast.globex, name="Magazine", url="https://b.example/"))
    shown = text(sign_in(client, cast, "bob").get(path("", site)))
    assert "Blog" in shown
    assert "Magazine" not in shown
    assert "A guide" not in shown


def test_a_team_without_sites_reads_what_they_are(client: Client, cast: Cast) -> None:
    assert "No sites yet" in text(sign_in(client, cast, "vera").get("/teams/acme/content/"))


@pytest.mark.parametrize(("has_role", "shown"), [(True, True), (False, False)])
def test_the_page_of_the_team_leads_there_for_those_who_may_view_it(
    client: Client, cast: Cast, has_role: bool, shown: bool
) -> None:
    if not has_role:
        cast.vera.memberships.get().roles.clear()
    html = sign_in(client, cast, "vera").get("/teams/acme/").content.decode()
    assert ('href="/teams/acme/content/"' in html) is shown


def test_it_costs_the_same_queries_for_many_sites_and_articles(client: Client, cast: Cast, site: Site) -> None:
    written_article(site)
    sign_in(client, cast, "alice").get(path("", site))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(path("", site))
        return len(captured)

    few = queries()
    for number in range(10):
        more = Site.objects.create(team=cast.acme, name=f"{number}", url="https://a.example/")
        for _ in range(3):
            written_article(more)
    assert queries() == few


# ---- importing keywords ---------------------------------------------------------------------------------------------


def test_keywords_are_imported_each_once(client: Client, cast: Cast, site: Site) -> None:
    response = sign_in(client, cast, "ed").post(path("{pk}/keywords/", site), KEYWORDS, follow=True)
    assert set(Keyword.objects.values_list("text", flat=True)) == {"garden chairs", "garden table"}
    assert "Added 2 keywords to Blog." in text(response)
    assert Notification.objects.get().message == "Added 2 keywords to Blog"


def test_keywords_that_are_there_already_are_not_told_again(client: Client, cast: Cast, site: Site) -> None:
    for _ in range(2):
        response = sign_in(client, cast, "ed").post(path("{pk}/keywords/", site), KEYWORDS, follow=True)
    assert "Added 0 keywords to Blog." in text(response)
    assert Notification.objects.get().occurrences == 1


@pytest.mark.parametrize(
    ("keywords", "complaint"),
    [
        ("", "This field is required."),
        ("chairs\n" + "x" * 101, f"“{'x' * 40}…” has 101 characters; a keyword has at most 100."),
        ("\n".join(map(str, range(501))), "These are 501 keywords; at most 500 are added at once."),
        ("chairs\na\x00b", "Null characters are not allowed."),
    ],
)
def test_wrong_keywords_are_named_and_none_is_added(
    client: Client, cast: Cast, site: Site, keywords: str, complaint: str
) -> None:
    response = sign_in(client, cast, "ed").post(path("{pk}/keywords/", site), {"keywords": keywords})
    assert response.status_code == 200
    assert complaint in text(response)
    assert not Keyword.objects.exists()


# ---- the next step --------------------------------------------------------------------------------------------------


def test_the_button_takes_one_step_and_says_so(client: Client, cast: Cast, site: Site) -> None:
    sign_in(client, cast, "ed").post(path("{pk}/keywords/", site), KEYWORDS)
    response = client.post(path("{pk}/step/", site), follow=True)
    assert "Blog is one step further" in text(response)
    assert Cluster.objects.get().name == "garden"


def test_the_button_publishes_over_http(
    client: Client, cast: Cast, site: Site, endpoint: Server, settings: Any
) -> None:
    settings.CUSTOM_ACTIONS_ALLOWED_PRIVATE_NETWORKS = ["127.0.0.0/8"]
    Site.objects.update(url=endpoint.url())
    article = written_article(site, state=State.REVIEW)
    response = sign_in(client, cast, "ed").post(path("{pk}/step/", site))
    assert re.fullmatch(rf"/teams/acme/content/#site-{site.pk}", response.headers["Location"])
    article.refresh_from_db()
    assert article.status is State.PUBLISHED
    assert len(endpoint.bodies) == 1


def test_with_nothing_to_do_the_button_says_so(client: Client, cast: Cast, site: Site) -> None:
    article = written_article(site, state=State.PUBLISHED)
    Site.objects.update(synced_at=article.site.created_at)
    response = sign_in(client, cast, "ed").post(path("{pk}/step/", site), follow=True)
    assert "There is nothing to do for Blog at the moment." in text(response)


# ---- the admin ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["site", "creditaccount", "keyword", "cluster", "idea", "article", "image"])
def test_the_admin_serves_them(client: Client, cast: Cast, site: Site, model: str) -> None:
    written_article(site)
    sign_in(client, cast, "sue")
    listed = client.get(f"/admin/content/{model}/")
    assert listed.status_code == 200
    [first, *_] = re.findall(rf'href="(/admin/content/{model}/\d+/change/)', listed.content.decode())
    assert client.get(first).status_code == 200


def test_a_site_stays_in_its_team_in_the_admin(client: Client, cast: Cast, site: Site) -> None:
    sign_in(client, cast, "sue")
    values = {"team": cast.globex.pk, "name": "Blog 2", "url": site.url}
    assert client.post(f"/admin/content/site/{site.pk}/change/", values).status_code == 302
    site.refresh_from_db()
    assert (site.team, site.name) == (cast.acme, "Blog 2")


def test_the_admin_gives_more_credits_and_leaves_what_is_used(client: Client, cast: Cast, site: Site) -> None:
    account = CreditAccount.objects.get()
    sign_in(client, cast, "sue")
    values = {"team": cast.acme.pk, "total": 500, "used": 0}
    assert client.post(f"/admin/content/creditaccount/{account.pk}/change/", values).status_code == 302
    account.refresh_from_db()
    assert (account.total, account.used) == (500, 7)


def test_the_admin_does_not_give_back_what_was_spent_since_the_form_was_opened(cast: Cast, site: Site) -> None:
    admin = CreditAccountAdmin(CreditAccount, admin_site)
    account = CreditAccount.objects.get()
    request = RequestFactory().post("/", {"total": 500, "team": cast.acme.pk})
    request.user = cast.sue
    form = admin.get_form(request, account)(request.POST, instance=account)
    assert form.is_valid(), form.errors
    spend(site, 3)
    admin.save_model(request, form.save(commit=False), form, change=True)
    account.refresh_from_db()
    assert (account.total, account.used) == (500, 10)


def test_fewer_credits_than_are_used_are_refused(client: Client, cast: Cast, site: Site) -> None:
    account = CreditAccount.objects.get()
    response = sign_in(client, cast, "sue").post(
        f"/admin/content/creditaccount/{account.pk}/change/", {"team": cast.acme.pk, "total": 3}
    )
    assert "7 are used already; 3 are fewer." in text(response)
    account.refresh_from_db()
    assert account.total == 50
