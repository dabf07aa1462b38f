"""Robot Framework library that puts a load of many users on a target, by Locust, and has their histories judged."""

from __future__ import annotations

from LoadLibrary.keywords import LoadLibrary

__all__ = ["LoadLibrary"]
