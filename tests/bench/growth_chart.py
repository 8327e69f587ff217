"""Draws figures over the length of the log, as SVG."""

import math

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 60, 250, 30, 50
COLOURS = ("#1b6ca8", "#c0392b", "#27864a", "#8e44ad", "#b9770e", "#34495e", "#d35490")


def curves_of(figures):
    """From `growth.N.NAME`: for each name the points (N, value), N ascending."""
    curves = {}
    for full_name, value in figures.items():
        if full_name.startswith("growth."):
            _, entries, name = full_name.split(".", 2)
            curves.setdefault(name, []).append((int(entries), value))
    return {name: sorted(points) for name, points in curves.items()}


def draw(curves):
    """SVG text: each curve as a multiple of its first point, so that what does
    not grow with the log is a level line at 1."""
    sizes = sorted({entries for points in curves.values() for entries, _ in points})
    shares = {name: [(entries, value / points[0][1]) for entries, value in points]
              for name, points in curves.items() if points[0][1] > 0}
    top = max(2.0, *(share for points in shares.values() for _, share in points))
    spread = math.log10(sizes[-1]) - math.log10(sizes[0]) or 1

    def x(entries):
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(entries / sizes[0])) / spread

    def y(share):
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share / top

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             f'<text x="{LEFT}" y="18">Cost by entries in the log, '
             f'as a multiple of that at {sizes[0]:,}</text>']
    step = 0.5 if top <= 4 else math.ceil(top / 8)
    for i in range(int(top / step) + 1):
        at = y(i * step)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                     f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{i * step:g}</text>')
    for entries in sizes:
        parts.append(f'<text x="{x(entries):.1f}" y="{HEIGHT - BOTTOM + 20}" '
                     f'text-anchor="middle">{entries:,}</text>')
    for i, (name, points) in enumerate(sorted(shares.items())):
        colour = COLOURS[i % len(COLOURS)]
        line = " ".join(f"{x(entries):.1f},{y(share):.1f}" for entries, share in points)
        legend = TOP + 20 * (i + 1)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>'
                     f'<text x="{WIDTH - RIGHT + 15}" y="{legend}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])
