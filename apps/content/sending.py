"""What a site is sent, and how: by the rules of `custom_actions.fetch`, since a team may write any URL."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from content.models import Article, Site
from custom_actions.fetch import fetch

TIMEOUT = 5.0  # seconds


def send(site: Site, body: bytes) -> str:
    """Sends `body`, which is JSON, to the site. Returns why it was not taken; nothing when it was."""
    return asyncio.run(fetch(site.url, timeout=TIMEOUT, body=body)).reason


def article_body(article: Article) -> bytes:
    images = [{"prompt": image.prompt, "svg": image.svg} for image in article.images.all()]
    return _json(id=article.pk, title=article.title, text=article.text, words=article.words, images=images)


def sync_body(articles: Iterable[Article]) -> bytes:
    return _json(articles=[{"id": article.pk, "title": article.title} for article in articles])


def _json(**values: Any) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode()
