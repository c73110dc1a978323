"""What the teacher is asked: some thousand questions, a form for each subject."""

from __future__ import annotations

import random

FORMS = """
Explain {} to a ten-year-old.
Write a short story in which {} plays a part.
What are the most common mistakes that people make about {}?
Give five practical tips about {}.
Describe the history of {} in one paragraph.
Write a friendly letter to a neighbour about {}.
Why does {} matter to so many people?
What would a sceptic say about {}, and what would you answer?
Compare {} today with {} a hundred years ago.
Write a scene in which two friends argue about {}.
How would you teach a class of adults about {}?
What should a beginner know about {}?
Summarise the good and the bad sides of {}.
Write the opening of a newspaper article about {}.
What questions would you ask an expert on {}?
Describe {} to somebody who has never heard of it.
What does {} cost, in money and in time?
Write a diary entry about an afternoon spent on {}.
How could {} change in the next twenty years?
Invent a proverb about {} and explain it.
What can go wrong with {}, and how is it put right?
Write a speech of a mayor who opens a museum of {}.
Which tools does one need for {}, and what for?
Tell a family anecdote that has to do with {}.
How do people in different countries think about {}?
Write a polite complaint to a company about {}.
What did you learn from {} that helps elsewhere?
Describe the smells and sounds that go with {}.
Plan a weekend around {}.
Write an interview with somebody whose work is {}.
""".strip().splitlines()

SUBJECTS = (
    """
growing tomatoes|baking bread|repairing bicycles|keeping bees|sailing|chess|watching birds
making cheese|learning languages|playing the violin|map reading|mountain hiking|swimming
photography|pottery|knitting|carpentry|cooking soup|brewing tea|making coffee|gardening
public libraries|railways|lighthouses|bridges|canals|windmills|the postal service|markets
fire brigades|hospitals|schools|elections|taxes|insurance|banks|newspapers|radio|cinema
theatre|opera|folk songs|dancing|painting|sculpture|poetry|novels|comics|board games
football|tennis|running|rowing|skiing|ice skating|horse riding|fishing|camping|cycling
volcanoes|earthquakes|tides|rivers|glaciers|deserts|forests|islands|clouds|thunderstorms
snow|rainbows|the moon|comets|the seasons|the stars|gravity|magnets|electricity|steam engines
batteries|solar power|computers|telephones|clocks|paper|glass|steel|plastics|concrete
vaccines|sleep|eyesight|teeth|exercise|healthy food|sugar|salt|vegetables|apples|potatoes
dogs|cats|horses|bees|ants|spiders|whales|wolves|owls|frogs|butterflies|oak trees
friendship|patience|honesty|courage|memory|luck|dreams|laughter|moving house|growing old
""".strip()
    .replace("\n", "|")
    .split("|")
)


def questions(seed: int) -> list[str]:
    """Return every form with every subject, in an order that follows from the seed."""
    every = [form.replace("{}", subject) for form in FORMS for subject in SUBJECTS]
    random.Random(seed).shuffle(every)
    return every
