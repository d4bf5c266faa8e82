"""Elo: Bradley-Terry ratings in which outcomes on similar requests count more.

After RouteLLM's similarity-weighted ranking (Ong et al. 2024, arXiv:2406.18665). There ratings are fitted anew for each request; here
they are fitted beforehand at landmarks, and a request takes the mean of the near ones. The request itself is one more player, which a
model beats by answering well: that makes ratings chances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router_extproc.quality.clusters import shares
from router_extproc.quality.landmarks import landmarks

if TYPE_CHECKING:
    from router_extproc.quality.method import Arrays
    from router_extproc.quality.outcomes import Doubles, Outcomes, Singles

_LANDMARKS = 48
_SHARPNESS = 12.0
_PRIOR = 12.0
"""Rows of the whole table, at its mean, that count beside those near a landmark."""
_ROUNDS = 60
_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Ratings:
    """Ratings at landmarks."""

    centres: Singles
    ratings: Singles
    """(landmarks, known): above the request's own."""

    def logits(self, inputs: Singles, /) -> Doubles:
        """The mean over landmarks, each by its share."""
        found: Doubles = (shares(inputs[:, : self.centres.shape[1]], self.centres, _SHARPNESS) @ self.ratings).astype(np.float64)
        return found

    def arrays(self) -> Arrays:
        """Centres and ratings."""
        return {"centres": self.centres, "ratings": self.ratings}


class EloMethod:
    """Fits Ratings."""

    def fit(self, outcomes: Outcomes, /) -> Ratings:
        """Count who beat whom near each landmark, then find the ratings that explain it."""
        centres = landmarks(outcomes.embeddings, _LANDMARKS)
        weights = shares(outcomes.embeddings, centres, _SHARPNESS).astype(np.float64)
        everywhere = np.full((len(weights), 1), 1 / len(weights))
        wins = _wins(outcomes, np.concatenate((weights, everywhere), 1))
        local, overall = wins[:-1], wins[-1]
        ratings = bradley_terry(local + _PRIOR * overall)
        return Ratings(centres, (ratings[:, :-1] - ratings[:, -1:]).astype(np.float32))

    def restore(self, arrays: Arrays, /) -> Ratings:
        """The same again."""
        return Ratings(np.asarray(arrays["centres"], np.float32), np.asarray(arrays["ratings"], np.float32))


def _wins(outcomes: Outcomes, weights: Doubles) -> Doubles:
    """(landmarks, players, players): how often row beat column; the last player is the request. A tie is half a win for each."""
    players = outcomes.scores.shape[1] + 1
    found = np.zeros((weights.shape[1], players, players))
    for start in range(0, len(outcomes), _BLOCK):
        scores = outcomes.scores[start : start + _BLOCK]
        better = np.zeros((len(scores), players, players))
        gap = scores[:, :, None] - scores[:, None, :]
        better[:, :-1, :-1] = np.where(np.isnan(gap), 0.0, 0.5 + 0.5 * np.sign(gap)) * (1 - np.eye(players - 1))
        better[:, :-1, -1] = np.nan_to_num(scores) * (players - 1)
        better[:, -1, :-1] = np.where(np.isnan(scores), 0.0, 1 - scores) * (players - 1)
        found += np.einsum("nk,nij->kij", weights[start : start + _BLOCK], better, optimize=True)
    return found


def bradley_terry(wins: Doubles) -> Doubles:
    """(k, players): log strengths of mean 0 that explain the wins, by Hunter's (2004) minorise-maximise steps."""
    games = wins + wins.swapaxes(1, 2)
    won = wins.sum(2) + 1e-3
    strength = np.ones(won.shape)
    for _ in range(_ROUNDS):
        strength = won / ((games / (strength[:, :, None] + strength[:, None, :])).sum(2) + 1e-9)
        strength /= np.exp(np.log(strength).mean(1, keepdims=True))
    found: Doubles = np.log(strength)
    return found
