"""Settings files that come with barenet, one a recipe."""
