"""The PromQL of the panels, by what it asks about. Only recorded series and exported names are read."""
