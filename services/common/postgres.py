"""How both services ask PostgreSQL."""

OPTIONS = "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off"
"""Connection options: every statement here asks by keys. A plan that was made while a table was small, and is kept with
its prepared statement, would go on to read the whole table, for it looked cheaper then."""
