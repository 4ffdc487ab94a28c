"""What jobs cost. The only place that changes `CreditAccount.used`, and never beyond the total."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import gettext

from content.errors import CannotDo
from content.models import CreditAccount, Site
from content.notifications import credits_depleted, credits_low, credits_renewed, system_info

LOW = 20  # per cent that are left
DEAREST = 5  # credits that the dearest job costs
RENEWED_AFTER = timedelta(minutes=1)


@transaction.atomic
def spend(site: Site, amount: int) -> None:
    """Takes `amount` credits of the site's team, and tells the team when few or none are left.

    Raises CannotDo, and takes nothing, when there are fewer.
    """
    enough = CreditAccount.objects.filter(team=site.team_id, used__lte=F("total") - amount)
    if not enough.update(used=F("used") + amount, spent_at=timezone.now()):
        raise CannotDo(_too_few(site, amount))
    account = CreditAccount.objects.get(team=site.team_id)  # as it is since our UPDATE, which holds the row
    if account.remaining == 0:
        credits_depleted(site)
    elif is_low(account, account.used) and not is_low(account, account.used - amount):
        credits_low(site, percent=account.percent, remaining=account.remaining)


def check_left(site: Site, amount: int) -> None:
    """Raises CannotDo when there are fewer: asked before something is sent that would then have to be paid."""
    if not CreditAccount.objects.filter(team=site.team_id, used__lte=F("total") - amount).exists():
        raise CannotDo(_too_few(site, amount))


def is_low(account: CreditAccount, used: int) -> bool:
    """Whether less than 20 % would be left."""
    return (account.total - used) * 100 < LOW * account.total


def renew(now: datetime) -> int:
    """Gives accounts that have not enough for each job, and were not used for a while, their total again.

    Returns how many they were.
    """
    used_up = CreditAccount.objects.filter(
        used__gt=Greatest(0, F("total") - DEAREST), spent_at__lte=now - RENEWED_AFTER
    )
    return sum(_renew(account) for account in used_up.select_related("team"))


@transaction.atomic
def _renew(account: CreditAccount) -> bool:
    """Another worker may have been first, and somebody may have spent of it since."""
    if not CreditAccount.objects.filter(pk=account.pk, used=account.used, spent_at=account.spent_at).update(used=0):
        return False
    site = account.team.sites.first()
    if site is not None:
        credits_renewed(site)
        system_info(site, message=gettext("Your credits are renewed: %(total)s again.") % {"total": account.total})
    return True


def _too_few(site: Site, amount: int) -> str:
    account = CreditAccount.objects.filter(team=site.team_id).first()
    left = account.remaining if account else 0
    return gettext("%(amount)s credits are needed, and %(left)s are left.") % {"amount": amount, "left": left}
