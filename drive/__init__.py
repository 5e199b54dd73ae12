"""Drives the lab's hosts and the Pulumi engine; the demo and the integration tests are written with it."""
