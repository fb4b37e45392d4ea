"""What can go wrong in the stream, each with what to do about it."""


class StreamError(Exception):
    """The stream could not do what was asked; nothing was changed."""


class RowsRefusedError(StreamError):
    """A row lacks what every activity must have. The whole append was refused."""


class StreamBusyError(StreamError):
    """Another writer held the stream for longer than this one was ready to wait."""


class WriteFailedError(StreamError):
    """The files could not be written (a full disk, a quota, no permission). Nothing was committed."""


class EngineMissingError(StreamError):
    """The engine that was asked for is not installed here."""
