from django import template

from demo.people import PASSWORD, PEOPLE, Person

register = template.Library()


@register.simple_tag
def people() -> tuple[Person, ...]:
    return PEOPLE


@register.simple_tag
def password() -> str:
    return PASSWORD
