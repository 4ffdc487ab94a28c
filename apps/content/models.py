from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from custom_actions.endpoints import validate_endpoint
from team_notifications.levels import Level
from teams.models import Team

KEYWORD_MAX_LENGTH = 100


class CreditAccount(models.Model):
    """What the jobs of a team may cost. Only `content.credits` changes `used`."""

    team = models.OneToOneField(Team, on_delete=models.CASCADE, related_name="credit_account")
    total = models.PositiveIntegerField(default=50)
    used = models.PositiveIntegerField(default=0)
    spent_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(used__lte=F("total")), name="content_credits_left")]

    def __str__(self) -> str:
        return f"{self.team}: {self.remaining} of {self.total}"

    def clean(self) -> None:
        if self.total is not None and self.total < self.used:
            raise ValidationError({"total": f"{self.used} are used already; {self.total} are fewer."})

    @property
    def remaining(self) -> int:
        return self.total - self.used

    @property
    def percent(self) -> int:
        """How much of it is used. An account of nothing is used up."""
        return self.used * 100 // self.total if self.total else 100


class Site(models.Model):
    """A site of a team, and the endpoint that takes what is published there."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="sites", db_index=False)
    name = models.CharField(max_length=100)
    url = models.CharField("URL", max_length=2_000, validators=[validate_endpoint])
    steps = models.PositiveIntegerField(default=0, editable=False, help_text="Jobs that ended; the number of the next.")
    synced_at = models.DateTimeField(null=True, editable=False, help_text="When it was last tried.")
    is_set_up = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["team", "name"], name="content_site_name")]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return f"{reverse('content', args=[self.team.slug])}#site-{self.pk}"


class Cluster(models.Model):
    """Keywords of a site that share a word, which is its name."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="clusters", db_index=False)
    name = models.CharField(max_length=KEYWORD_MAX_LENGTH)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["site", "name"], name="content_cluster_name")]

    def __str__(self) -> str:
        return self.name


class Keyword(models.Model):
    """What people search for, in lower case."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="keywords", db_index=False)
    text = models.CharField(max_length=KEYWORD_MAX_LENGTH)
    cluster = models.ForeignKey(Cluster, on_delete=models.SET_NULL, null=True, blank=True, related_name="keywords")

    class Meta:
        ordering = ["text"]
        constraints = [models.UniqueConstraint(fields=["site", "text"], name="content_keyword_text")]

    def __str__(self) -> str:
        return self.text


class Idea(models.Model):
    """The title of an article that could be written about a cluster."""

    cluster = models.ForeignKey(Cluster, on_delete=models.CASCADE, related_name="ideas", db_index=False)
    title = models.CharField(max_length=200)

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["cluster", "title"], name="content_idea_title")]

    def __str__(self) -> str:
        return self.title


class State(models.TextChoices):
    DRAFT = "draft", _("Draft")
    REVIEW = "review", _("In review")
    PUBLISHED = "published", _("Published")
    FAILED = "failed", _("Not published")

    @property
    def level(self) -> Level:
        return {State.PUBLISHED: Level.SUCCESS, State.FAILED: Level.ERROR}.get(self, Level.INFO)


class Article(models.Model):
    """An idea that was written. `error` says why it was not published, and is empty otherwise."""

    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="articles")
    idea = models.OneToOneField(Idea, on_delete=models.CASCADE, related_name="article")
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    words = models.PositiveIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    error = models.CharField(max_length=500, blank=True)
    tried_at = models.DateTimeField(null=True, editable=False, help_text="When publishing was last tried.")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"{reverse('content', args=[self.site.team.slug])}#article-{self.pk}"

    @property
    def status(self) -> State:
        return State(self.state)


class Image(models.Model):
    """A picture of an article: first its prompt, then what was drawn after it. The first is the featured one."""

    article = models.ForeignKey(Article, on_delete=models.CASCADE, related_name="images", db_index=False)
    position = models.PositiveSmallIntegerField()
    prompt = models.CharField(max_length=300)
    svg = models.TextField(blank=True)

    class Meta:
        ordering = ["article", "position"]
        constraints = [models.UniqueConstraint(fields=["article", "position"], name="content_image_position")]

    def __str__(self) -> str:
        return self.prompt
