"""A small stock list, with a few things that could be better."""


def total_value(items):
    total = 0
    for item in items:
        total = total + item["price"] * item["count"]
    return total


def find(items, name):
    for i in range(0, len(items)):
        if items[i]["name"] == name:
            return items[i]
    return None


# ai: raise a ValueError when count is negative
def restock(items, name, count):
    item = find(items, name)
    item["count"] = item["count"] + count
    return item
