from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from content.keywords import MOST, check


class KeywordsForm(forms.Form):
    keywords = forms.CharField(
        label=_("Keywords"),
        help_text=_("One a line, at most %(most)s at once.") % {"most": MOST},
        widget=forms.Textarea(attrs={"rows": 10}),
        max_length=100_000,
    )

    def clean_keywords(self) -> Any:
        """A list of texts."""
        return check(self.cleaned_data["keywords"].splitlines())
