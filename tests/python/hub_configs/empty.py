"""A Hub that is configured by nothing."""
