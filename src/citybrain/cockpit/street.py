"""Streets: links of one name joined into long lines, so that a name is written along the street, not the link."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from citybrain.model import Link, Point


@dataclass(frozen=True, slots=True)
class Street:
    """One line of a named street."""

    name: str
    rank: int
    shape: tuple[Point, ...]


def streets(links: Sequence[Link]) -> list[Street]:
    """Chains of named links; of the two directions between two nodes one stands for both."""
    pieces: dict[str, dict[frozenset[str], Link]] = defaultdict(dict)
    for link in links:
        if link.name and link.from_node != link.to_node:
            pieces[link.name].setdefault(frozenset((link.from_node, link.to_node)), link)
    found: list[Street] = []
    for name in sorted(pieces):
        found.extend(_chains(name, list(pieces[name].values())))
    return found


def _chains(name: str, links: list[Link]) -> list[Street]:
    at: dict[str, list[int]] = defaultdict(list)
    for i, link in enumerate(links):
        at[link.from_node].append(i)
        at[link.to_node].append(i)
    left = set(range(len(links)))
    # ends of the street first, so that a chain is not begun in its middle
    order = sorted(left, key=lambda i: (min(len(at[links[i].from_node]), len(at[links[i].to_node])), i))
    return [_chain(name, links, at, left, first) for first in order if first in left]


def _chain(name: str, links: list[Link], at: dict[str, list[int]], left: set[int], first: int) -> Street:
    left.discard(first)
    link = links[first]
    forward = len(at[link.from_node]) <= len(at[link.to_node])
    shape = list(link.shape if forward else link.shape[::-1])
    node = link.to_node if forward else link.from_node
    rank = link.rank
    while (follower := next((i for i in at[node] if i in left), None)) is not None:
        left.discard(follower)
        link = links[follower]
        ahead = link.from_node == node
        shape += link.shape if ahead else link.shape[::-1]
        node = link.to_node if ahead else link.from_node
        rank = min(rank, link.rank)
    return Street(name, rank, tuple(shape))
