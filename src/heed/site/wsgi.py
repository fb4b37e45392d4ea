import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "heed.site.settings")

application = get_wsgi_application()


def load_what_is_slow() -> None:
    """The queue and the stream take seconds to import; nobody's first page should wait for them."""
    from heed.ledger import durable
    from heed.ledger.home import open_stream

    durable.client()
    open_stream()


load_what_is_slow()
