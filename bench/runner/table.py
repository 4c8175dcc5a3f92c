"""Markdown tables, medians, ratios."""

import statistics


def table(title, columns, rows):
    """Prints a table; cells that are none stay empty, columns without any cell are left out."""
    kept = [i for i in range(len(columns)) if i == 0 or any(row[i] is not None for row in rows)]
    print(f"\n### {title}\n")
    print("| " + " | ".join(columns[i] for i in kept) + " |")
    print("|---" + "|---:" * (len(kept) - 1) + "|")
    for row in rows:
        print("| " + " | ".join("" if row[i] is None else str(row[i]) for i in kept) + " |")
    print(flush=True)


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def ratio(values, base):
    """The median of the rounds' ratios: rounds differ more than what runs within one."""
    both = [a / b for a, b in zip(values, base) if a is not None and b]
    return statistics.median(both) if both else None


def shown(value, digits=0):
    if value is None:
        return None
    return f"{value:,.{digits}f}"
