def area(width, height):
    return width * height


def total(numbers):
    result = 0
    for number in numbers:
        result = result + number
    return result


def label(name):
    crab = "🦀🦀"; text = crab + name
    return text
