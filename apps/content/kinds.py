"""The kinds of things that this feature tells, with level and audience.

What a member may read about, they may also see on the page. Credits and the setup of a site are the business of those
who may change the team.
"""

from django.utils.translation import gettext_lazy as _

from team_notifications import kinds
from team_notifications.kinds import Kind
from team_notifications.levels import Level

AI_OPERATIONS = _("AI operations")
WORKFLOW = _("Workflow")
SYNC = _("Sync")
CREDITS = _("Credits")
SETUP = _("Setup")

VIEW_SITE = ("content.view_site",)
VIEW_CLUSTER = ("content.view_cluster",)
VIEW_ARTICLE = ("content.view_article",)
CHANGE_TEAM = ("teams.change_team",)

ERROR = "8 credits are needed, and 3 are left."
NO_ANSWER = "Answered 503 Service Unavailable."
TITLE = "A guide to garden chairs"
SITE = "Garden blog"

CLUSTERED = Kind(
    slug="ai-cluster-complete",
    label=_("Keywords clustered"),
    category=AI_OPERATIONS,
    level=Level.SUCCESS,
    title=_("Your keywords are clustered"),
    message=_("Created {clusters} clusters from {keywords} keywords"),
    params={"clusters": 4, "keywords": 32},
    permissions=VIEW_CLUSTER,
)
NOT_CLUSTERED = Kind(
    slug="ai-cluster-failed",
    label=_("Clustering failed"),
    category=AI_OPERATIONS,
    level=Level.ERROR,
    title=_("Your keywords are not clustered"),
    message=_("Failed to cluster keywords: {error}"),
    params={"error": ERROR},
    permissions=VIEW_CLUSTER,
)
IDEAS = Kind(
    slug="ai-ideas-complete",
    label=_("Ideas generated"),
    category=AI_OPERATIONS,
    level=Level.SUCCESS,
    title=_("There are new content ideas"),
    message=_("Generated {ideas} content ideas from {clusters} clusters"),
    params={"ideas": 8, "clusters": 4},
    permissions=VIEW_CLUSTER,
)
NO_IDEAS = Kind(
    slug="ai-ideas-failed",
    label=_("Generating ideas failed"),
    category=AI_OPERATIONS,
    level=Level.ERROR,
    title=_("There are no new content ideas"),
    message=_("Failed to generate ideas: {error}"),
    params={"error": ERROR},
    permissions=VIEW_CLUSTER,
)
CONTENT = Kind(
    slug="ai-content-complete",
    label=_("Content generated"),
    category=AI_OPERATIONS,
    level=Level.SUCCESS,
    title=_("There are new drafts"),
    message=_("Generated {articles} articles ({words} words)"),
    params={"articles": 2, "words": 312},
    permissions=VIEW_ARTICLE,
)
NO_CONTENT = Kind(
    slug="ai-content-failed",
    label=_("Generating content failed"),
    category=AI_OPERATIONS,
    level=Level.ERROR,
    title=_("A cluster got no drafts"),
    message=_("Failed to generate content: {error}"),
    params={"error": ERROR},
    permissions=VIEW_ARTICLE,
)
IMAGES = Kind(
    slug="ai-images-complete",
    label=_("Images generated"),
    category=AI_OPERATIONS,
    level=Level.SUCCESS,
    title=_("An article got its images"),
    message=_("Generated {images} images"),
    icon="content/icons/image.svg",
    params={"images": 3},
    permissions=VIEW_ARTICLE,
)
NO_IMAGES = Kind(
    slug="ai-images-failed",
    label=_("Generating images failed"),
    category=AI_OPERATIONS,
    level=Level.ERROR,
    title=_("An article got no images"),
    message=_("Failed to generate {images} images: {error}"),
    params={"images": 3, "error": ERROR},
    permissions=VIEW_ARTICLE,
)
PROMPTS = Kind(
    slug="ai-prompts-complete",
    label=_("Image prompts created"),
    category=AI_OPERATIONS,
    level=Level.SUCCESS,
    title=_("An article got its image prompts"),
    message=_("{prompts} image prompts ready (1 featured + {in_article} in-article)"),
    params={"prompts": 3, "in_article": 2},
    permissions=VIEW_ARTICLE,
)
NO_PROMPTS = Kind(
    slug="ai-prompts-failed",
    label=_("Creating image prompts failed"),
    category=AI_OPERATIONS,
    level=Level.ERROR,
    title=_("An article got no image prompts"),
    message=_("Failed to create image prompts: {error}"),
    params={"error": ERROR},
    permissions=VIEW_ARTICLE,
)
READY_FOR_REVIEW = Kind(
    slug="content-ready-review",
    label=_("Content ready for review"),
    category=WORKFLOW,
    level=Level.INFO,
    title=_("An article waits for review"),
    message=_("{title} ready for review"),
    icon="content/icons/article.svg",
    params={"title": TITLE},
    permissions=VIEW_ARTICLE,
)
PUBLISHED = Kind(
    slug="content-published",
    label=_("Content published"),
    category=WORKFLOW,
    level=Level.SUCCESS,
    title=_("An article is published"),
    message=_('"{title}" published to {site}'),
    params={"title": TITLE, "site": SITE},
    permissions=VIEW_ARTICLE,
)
NOT_PUBLISHED = Kind(
    slug="content-publish-failed",
    label=_("Publishing failed"),
    category=WORKFLOW,
    level=Level.ERROR,
    title=_("An article is not published"),
    message=_('Failed to publish "{title}": {error}'),
    params={"title": TITLE, "error": NO_ANSWER},
    permissions=VIEW_ARTICLE,
)
SYNCED = Kind(
    slug="sync-success",
    label=_("Sync completed"),
    category=SYNC,
    level=Level.SUCCESS,
    title=_("{site} is in sync"),
    message=_("Synced {items} items with {site}"),
    icon="content/icons/sync.svg",
    params={"items": 8, "site": SITE},
    permissions=VIEW_SITE,
)
NOT_SYNCED = Kind(
    slug="sync-failed",
    label=_("Sync failed"),
    category=SYNC,
    level=Level.ERROR,
    title=_("{site} is not in sync"),
    message=_("Sync failed for {site}: {error}"),
    params={"site": SITE, "error": NO_ANSWER},
    permissions=VIEW_SITE,
)
CREDITS_LOW = Kind(
    slug="credits-low",
    label=_("Credits running low"),
    category=CREDITS,
    level=Level.WARNING,
    title=_("Your credits are running low"),
    message=_("You've used {percent} % of your credits. {remaining} remaining."),
    params={"percent": 82, "remaining": 9},
    permissions=CHANGE_TEAM,
)
CREDITS_DEPLETED = Kind(
    slug="credits-depleted",
    label=_("Credits exhausted"),
    category=CREDITS,
    level=Level.ERROR,
    title=_("No credits are left"),
    message=_("Your credits are exhausted. Upgrade to continue."),
    permissions=CHANGE_TEAM,
)
SET_UP = Kind(
    slug="setup-complete",
    label=_("Setup completed"),
    category=SETUP,
    level=Level.SUCCESS,
    title=_("{site} is ready"),
    message=_("{site} is fully configured and ready!"),
    params={"site": SITE},
    permissions=CHANGE_TEAM,
)
KEYWORDS_IMPORTED = Kind(
    slug="keywords-imported",
    label=_("Keywords imported"),
    category=SETUP,
    level=Level.INFO,
    title=_("{site} has new keywords"),
    message=_("Added {keywords} keywords to {site}"),
    params={"keywords": 32, "site": SITE},
    permissions=CHANGE_TEAM,
)
SYSTEM_INFO = Kind(
    slug="system-info",
    label=_("System message"),
    category=SETUP,
    level=Level.INFO,
    title=_("A message from the system"),
    message=_("{message}"),
    params={"message": "Your credits are renewed: 50 again."},
    permissions=CHANGE_TEAM,
)

KINDS = (
    CLUSTERED,
    NOT_CLUSTERED,
    IDEAS,
    NO_IDEAS,
    CONTENT,
    NO_CONTENT,
    IMAGES,
    NO_IMAGES,
    PROMPTS,
    NO_PROMPTS,
    READY_FOR_REVIEW,
    PUBLISHED,
    NOT_PUBLISHED,
    SYNCED,
    NOT_SYNCED,
    CREDITS_LOW,
    CREDITS_DEPLETED,
    SET_UP,
    KEYWORDS_IMPORTED,
    SYSTEM_INFO,
)


def register() -> None:
    for kind in KINDS:
        kinds.register(kind)
