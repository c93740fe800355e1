"""Lessons: a script becomes a narrated film with slides."""
