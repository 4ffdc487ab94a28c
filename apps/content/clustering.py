"""Which keywords belong together: those that share a word. The same keywords always give the same clusters."""

from collections import Counter
from collections.abc import Iterable

# fmt: off
COMMON = frozenset({
    "a", "an", "and", "are", "as", "at", "by", "can", "do", "for", "from", "how", "i", "in", "is", "it", "my", "of",
    "on", "or", "the", "to", "what", "with", "without",
})
# fmt: on


def cluster(keywords: Iterable[str]) -> dict[str, list[str]]:
    """Word → the keywords that hold it; each keyword once.

    The word that most of the keywords hold takes them; then the word that most of the others hold, and so on. Of words
    that are held as often, the first of the alphabet.
    """
    left = {keyword: words_of(keyword) for keyword in keywords}
    clusters: dict[str, list[str]] = {}
    while left:
        held = Counter(word for words in left.values() for word in words)
        word = min(held, key=lambda word: (-held[word], word))
        clusters[word] = sorted(keyword for keyword, words in left.items() if word in words)
        for keyword in clusters[word]:
            del left[keyword]
    return clusters


def words_of(keyword: str) -> frozenset[str]:
    """The words that say something; where there is none, the whole keyword."""
    return frozenset(keyword.split()) - COMMON or frozenset([keyword])
