"""The jobs that cron starts: fetch, decide, apply, record, report."""
