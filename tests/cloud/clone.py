"""Copies one row of a table, and all rows that refer to it, as often as is wanted: thousands of servers in a second.

Arguments: a file of JSON with a list of {"database", "table", "where": {…}, "rows": [{column: value}, …]}. Each of the
rows is the one that `where` finds, with these columns changed; without one that `where` finds, it is new. A numeric
primary key `id` is given anew.
"""

import json
import sqlite3
import sys


def copy(connection, table, where, rows):
    connection.row_factory = sqlite3.Row
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    numeric = any(column["name"] == "id" and column["pk"] and "INT" in column["type"].upper() for column in columns)
    condition = " AND ".join(f"{name} = ?" for name in where) or "0"
    found = [dict(row) for row in connection.execute(f"SELECT * FROM {table} WHERE {condition}", list(where.values()))]
    for pattern in found or [{}]:
        if numeric:
            pattern.pop("id", None)
        for row in rows:
            row = pattern | row
            names, marks = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
            connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(row.values()))


with open(sys.argv[1], encoding="utf-8") as file:
    jobs = json.load(file)
for job in jobs:
    with sqlite3.connect(job["database"], timeout=60) as connection:
        copy(connection, job["table"], job["where"], job["rows"])
