import pytest

from team_notifications.links import check_links

GOOD = [
    "https://example.com/a?b=c#d",
    "http://example.com:8080/",
    "/",
    "/teams/acme/?x=//y",
    "https://[::1]/",
    "HTTPS://EXAMPLE.COM",
]
BAD = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    " https://example.com",
    "data:text/html,x",
    "vbscript:x",
    "mailto:a@example.com",
    "ftp://example.com",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/a b",
    "https:///nowhere",
    "https:example.com",
    "http://[::1",
    "http://example.com:port/",
    "teams/acme",
    "",
    "/\ud800",
]


@pytest.mark.parametrize("url", GOOD)
def test_http_https_and_paths_on_this_site_are_links(url: str) -> None:
    assert check_links({"Open": url}) == {"Open": url}


@pytest.mark.parametrize("url", BAD)
def test_anything_else_raises_value_error_naming_the_url(url: str) -> None:
    with pytest.raises(ValueError, match="is no link: use http, https or a path on this site") as error:
        check_links({"Open": url})
    assert repr(url) in str(error.value)


def test_a_url_of_more_than_2000_characters_raises_value_error() -> None:
    with pytest.raises(ValueError, match="at most 2000 characters, this one 2001"):
        check_links({"Open": "/" + "x" * 2_000})


def test_a_url_that_is_no_text_raises_type_error() -> None:
    with pytest.raises(TypeError, match="A URL is text, not None"):
        check_links({"Open": None})  # type: ignore[dict-item]


def test_links_are_a_dict() -> None:
    with pytest.raises(TypeError, match="Links are a dict of label → URL"):
        check_links([("Open", "/")])  # type: ignore[arg-type]


def test_two_labels_that_look_the_same_raise_value_error() -> None:
    with pytest.raises(ValueError, match="Two links have the same label"):
        check_links({"View": "/a", "View\x00": "/b"})


def test_a_label_without_a_readable_character_raises_value_error() -> None:
    with pytest.raises(ValueError, match="The label of a link '' holds no readable character"):
        check_links({"": "/a"})


def test_labels_are_cleaned_and_the_order_is_kept() -> None:
    assert list(check_links({"View\x00 all": "/all", "A": "/a"}).items()) == [("View all", "/all"), ("A", "/a")]
