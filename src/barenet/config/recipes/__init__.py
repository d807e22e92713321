"""Settings files that come with barenet, one for each recipe."""
