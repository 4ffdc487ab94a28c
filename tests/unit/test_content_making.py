"""Clusters, texts and pictures: pure, and the same each time."""

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from content import clustering, writing

WORDS = st.sampled_from(["garden", "chairs", "table", "solar", "the", "for"])
KEYWORDS = st.lists(st.lists(WORDS, min_size=1, max_size=4).map(" ".join), unique=True)


def test_the_word_that_most_keywords_hold_takes_them_first() -> None:
    keywords = ["garden chairs", "garden table", "kitchen table", "how to clean chairs", "garden lights"]
    assert clustering.cluster(keywords) == {
        "garden": ["garden chairs", "garden lights", "garden table"],
        "chairs": ["how to clean chairs"],
        "kitchen": ["kitchen table"],
    }


def test_a_keyword_of_common_words_alone_is_a_cluster_of_its_own() -> None:
    assert clustering.cluster(["what is it", "chairs"]) == {"chairs": ["chairs"], "what is it": ["what is it"]}


def test_of_nothing_there_are_no_clusters() -> None:
    assert clustering.cluster([]) == {}


@given(KEYWORDS)
def test_each_keyword_is_in_one_cluster_whatever_the_order(keywords: list[str]) -> None:
    clusters = clustering.cluster(keywords)
    assert sorted(keyword for members in clusters.values() for keyword in members) == sorted(keywords)
    assert clustering.cluster(reversed(keywords)) == clusters
    assert all(name in clustering.words_of(keyword) for name, members in clusters.items() for keyword in members)


def test_a_draft_is_about_each_keyword() -> None:
    draft = writing.draft("garden", ["garden chairs", "garden table"])
    assert draft.count("\n\n") == 3
    assert "“garden chairs”" in draft
    assert "“garden table”" in draft


def test_one_prompt_is_for_the_featured_picture() -> None:
    featured, *others = writing.prompts("A guide to garden")
    assert featured.startswith("Featured picture of “A guide to garden”")
    assert len(others) == writing.IN_ARTICLE


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn"]), max_size=50))
def test_a_picture_is_well_formed_whatever_its_prompt(prompt: str) -> None:
    root = ElementTree.fromstring(writing.picture(prompt))
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert (title.text or "") == prompt


def test_pictures_differ_by_their_prompts_and_are_the_same_each_time() -> None:
    assert writing.picture("one") == writing.picture("one") != writing.picture("two")
