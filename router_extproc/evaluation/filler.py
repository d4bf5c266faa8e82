"""Filler: words and sentences that ask for nothing, praise nothing and name nobody."""

from __future__ import annotations

GREETINGS = (
    "Hello!",
    "Hi there.",
    "Good morning.",
    "Good evening!",
    "Hello, I hope all is well.",
    "Hi, it is me again.",
)

ENDINGS = (
    "It is raining here today.",
    "Sent from my phone.",
    "I am writing this on the train.",
    "The kettle is on.",
    "Best regards.",
    "It is late here.",
)

WORDS = (
    "lamp", "river", "table", "spoon", "window", "basket", "pillow", "garden", "bottle", "carpet", "ladder", "button",
    "meadow", "pebble", "blanket", "candle", "feather", "harbour", "kettle", "orchard",
)  # fmt: skip

SENTENCES = (
    "The path follows the stream for a while and then climbs between old apple trees.",
    "In the afternoon the light falls through the tall windows onto the wooden floor.",
    "The market opens early, and by noon most of the stalls are empty again.",
    "A row of small boats lies on the sand, their paint faded by many summers.",
    "The bakery at the corner keeps its door open, so the whole street smells of bread.",
    "Most of the shelves hold books about gardens, birds and the weather.",
    "On the hill stands a stone tower that can be seen from every part of the valley.",
    "The rain stopped during the night, and the fields were covered with thin fog.",
    "The bus takes about twenty minutes and passes two villages on its way.",
    "The curtains are blue, the walls are white, and there is a rug in front of the sofa.",
    "In winter the lake freezes, and children skate there until it gets dark.",
    "The soup is made of carrots, potatoes and a little onion.",
    "The clock in the hall is a few minutes slow, as it has been for years.",
    "Swallows build their nests under the roof of the barn each spring.",
    "The table was laid for eight, with plain plates and a jug of water.",
    "A narrow bridge leads across the canal to the old warehouses.",
    "The cat sleeps on the warm stones beside the well.",
    "The library closes at six, on Saturdays at two.",
    "The tiles in the kitchen are green and slightly worn near the door.",
    "After the harvest the carts stand in the yard until the first snow.",
    "The museum shows tools, baskets and clothes from the region.",
    "The wind comes mostly from the west and smells of salt.",
    "The stairs creak, except for the third one from the top.",
    "Beyond the last houses begins a wood of birches and pines.",
)
