"""Imported by Celery workers: they ask a broker that is a database each second, which would be most of what short tasks
take.
"""

from kombu.transport.sqlalchemy import Transport

Transport.polling_interval = 0.1
