"""The project's own rules for tests' ids and for names, as robocop's custom rules."""
