"""Sending many events, one request each."""

from collections import Counter
from collections.abc import Iterable

import httpx

JSON = {"content-type": "application/json"}


def post_all(url: str, bodies: Iterable[bytes]) -> dict[tuple[int, str], int]:
    """POST each body by itself, in order; how many answers there were by status and by what they say."""
    answers: Counter[tuple[int, str]] = Counter()
    with httpx.Client() as client:
        for body in bodies:
            answer = client.post(url, content=body, headers=JSON)
            answers[answer.status_code, answer.json().get("status", "")] += 1
    return dict(answers)
