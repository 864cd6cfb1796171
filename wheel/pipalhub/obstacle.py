"""What keeps PipalHub out of a Hub."""


class Obstacle(Exception):
    """The reason why the service cannot be a part of this Hub, and the remedy, as text.

    The Hub must start all the same, so `configure` logs it and adds nothing. `passes` says whether
    it may pass by itself within seconds.
    """

    def __init__(self, text, passes=False):
        super().__init__(text)
        self.passes = passes
