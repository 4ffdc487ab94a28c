from typing import Any

from django import forms

from custom_actions.editing import save_changes
from custom_actions.models import CustomAction


class CustomActionForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stubs can be subscripted
    class Meta:
        model = CustomAction
        fields = ["name", "url", "interval", "timeout", "is_enabled"]
        widgets = {"url": forms.URLInput(attrs={"placeholder": "https://example.com/health"})}

    def clean_name(self) -> str:
        """The form does not hold the team, so Django leaves out the constraint on both."""
        name: str = self.cleaned_data["name"]
        team = self.instance.team
        if team.custom_actions.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(f"{team} already has an action named {name!r}.")
        return name

    def save(self, commit: bool = True) -> Any:
        if self.errors or self.instance.pk is None or not commit:
            return super().save(commit)
        save_changes(self.instance, self.changed_data)
        return self.instance
