from django import forms

from products.models import Product


class ProductForm(forms.ModelForm):  # type: ignore[type-arg]  # only the stubs can be subscripted
    class Meta:
        model = Product
        fields = ["name", "url"]
        widgets = {"url": forms.URLInput(attrs={"placeholder": "https://example.com/"})}

    def clean_name(self) -> str:
        """The form does not hold the team, so Django leaves out the constraint on both."""
        name: str = self.cleaned_data["name"]
        team = self.instance.team
        if team.products.filter(name=name).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(f"{team} already has a product named {name!r}.")
        return name
