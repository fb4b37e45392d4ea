"""The audit trail, the outbox and durable work: nothing changes state without leaving a row here."""
