"""The drivers themselves: a comparison that is blind would prove nothing."""
