"""A demo's steps, each one a test: what a demo shows is what is proved."""

import unittest


def told(demo, title, work):
    """A test that does one step, or says which earlier one is to blame."""
    def test(self):
        if self.broken:
            self.fail(f"not tried: the step '{self.broken}' failed")
        try:
            getattr(self.demo, work)()
        except BaseException:
            if work not in demo.COMPARISONS:
                type(self).broken = title
            raise
    test.__doc__ = title
    return test


def story(demo):
    """A base class with a test for each of the demo's STEPS; setUpClass has to set `demo`."""
    return type("Story", (unittest.TestCase,), {"broken": None, **{
        f"test_{number:02}_{work}": told(demo, title, work) for number, (title, work) in enumerate(demo.STEPS, start=1)
    }})
